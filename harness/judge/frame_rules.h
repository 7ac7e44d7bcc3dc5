// The rules that a single frame of a capture breaks, regardless of its sender and of earlier
// frames.
//
// Pure; called by CaptureCheck for each frame.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/finding.h"
#include "proto/frame.h"

namespace aoe::harness {

struct SeenFrame {
  Bytes bytes;                // as decode() takes them, without VLAN tags
  Decoded decoded;            // what decode() makes of them
  std::size_t wire_size = 0;  // with VLAN tags, in bytes
  bool is_cut = false;        // the capture holds less of it: what is missing is zero in `bytes`
};

/// The rules that a frame breaks. The findings name no frames: only the caller knows its number.
std::vector<Finding> judge_frame(const SeenFrame& seen);

/// The first field that AoEr11 has no use for yet and that is not zero: "the reserved flags (§2)";
/// empty if all are zero. `frame` is what decode() made of `bytes`.
std::string_view set_reserved_field(Bytes bytes, const Frame& frame);

/// The clause that a frame breaks which decode() refuses: its sender is to blame.
std::string_view broken_clause(Rule rule, bool is_reply);
/// The clause by which a target refuses a request that breaks the rule.
std::string_view refusing_clause(Rule rule);

/// Does the command move as many sectors as its count says?
bool moves_sectors(ata::Opcode opcode);
/// The bytes of data that a success of a read of so many sectors, or of IDENTIFY, brings; 0 for
/// other commands.
std::size_t data_due(ata::Opcode opcode, std::uint8_t sectors);

/// A server's error, in words: "2 (bad argument parameter)".
std::string name(ErrorCode code);

}  // namespace aoe::harness
