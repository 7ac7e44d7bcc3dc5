// Why bytes are not a frame: the closed list of rules that decoding enforces.
//
// Made where the fault is found, counted by the caller of decode(), printed by describe(). A switch over
// Rule has no default, so a new rule shows every place that must know it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/codes.h"

namespace aoe {

enum class Rule : std::uint8_t {
  frame_too_short,                 // §2: fewer bytes than a header
  not_aoe,                         // §2: another EtherType
  unsupported_version,             // §2: Ver is not 1
  unknown_command,                 // §2: not 0-3, nor 240-255
  arg_too_short,                   // §3: the frame ends inside the command's Arg
  write_data_short,                // §3.1: W is set and the frame holds less than count x 512
  read_data_short,                 // §3.1: a reply with less data than was asked for
  unknown_config_command,          // §3.2: CCmd above 4
  config_string_too_long,          // §3.2: more than 1024 bytes
  config_string_beyond_frame,      // §3.2
  unknown_mask_command,            // §3.3: MCmd above 1
  unknown_mask_error,              // §3.3: MError above 3, in a reply
  mask_directives_beyond_frame,    // §3.3
  unknown_reserve_command,         // §3.4: RCmd above 2
  reserve_addresses_beyond_frame,  // §3.4
  identify_too_short,              // §3.1: IDENTIFY data of fewer than 512 bytes
  identify_not_lba,                // word 49: the device has no LBA, so no sectors we could ask for
  identify_sector_size,            // words 117-118: not the 512 bytes that AoE counts in
  identify_too_large,              // words 60-61, 100-103: more sectors than its LBAs can address
  identify_no_sectors,             // words 60-61, 100-103: there is nothing to ask for
  identify_checksum,               // word 255: its signature is there, and the sum is not 0
};
inline constexpr int rule_count = static_cast<int>(Rule::identify_checksum) + 1;

/// A broken rule, with where and by how much.
struct Reject {
  Rule rule;
  std::uint16_t offset = 0;  // of the field that breaks it, in bytes from the start of the frame
  std::uint32_t have = 0;    // bytes there are, or the value found
  std::uint32_t need = 0;    // bytes needed, or the value (or largest value) allowed

  bool operator==(const Reject&) const = default;
};

/// The rule in words that fit a log line: "config string beyond the frame".
std::string_view text(Rule rule);

/// The AoE error with which a server answers a request that breaks the rule; nothing where a frame
/// is not an AoE request at all and deserves silence (§2.4).
std::optional<ErrorCode> answer_to(Rule rule);

}  // namespace aoe
