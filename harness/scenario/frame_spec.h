// Frames as a scenario spells them, field by field, right or wrong, and the answers that it awaits.
//
// Plain data: run/raw_exchange.h makes frames of the one and judges frames by the other. What is
// not spelt is as a well-behaved peer would have it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "harness/faults/fault.h"
#include "harness/scenario/time_window.h"
#include "proto/address.h"
#include "proto/frame.h"

namespace YAML {
class Node;
}

namespace aoe::harness {

/// Sector data: none, what the disk holds at first, zeros, or bytes that are repeated to fill it.
struct Content {
  enum class Kind : std::uint8_t { none, pattern, zero, bytes };
  Kind kind = Kind::none;
  std::vector<std::uint8_t> bytes{};
};

/// AoEr11 §3.1
struct AtaFields {
  std::optional<std::uint8_t> flags{};  // none: those that the opcode needs
  std::uint8_t feature = 0;
  std::uint8_t count = 0;
  std::uint8_t opcode = 0;  // in an answer: the status register
  std::uint64_t lba = 0;
  Content data{};
};

/// §3.2
struct ConfigFields {
  std::uint16_t buffers = 0;
  std::uint16_t firmware = 0;
  std::uint8_t sectors = 0;
  std::uint8_t version = 0;
  std::uint8_t command = 0;
  std::optional<std::uint16_t> length{};  // none: the string's own
  std::string string{};
};

/// §3.3
struct MaskFields {
  std::uint8_t command = 0;
  std::uint8_t error = 0;
  std::optional<std::uint8_t> count{};  // none: as many as there are directives
  std::vector<Directive> directives{};
};

/// §3.4
struct ReserveFields {
  std::uint8_t command = 0;
  std::optional<std::uint8_t> count{};
  std::vector<Mac> macs{};
};

using ArgBytes = std::vector<std::uint8_t>;
using ArgFields =
    std::variant<std::monostate, AtaFields, ConfigFields, MaskFields, ReserveFields, ArgBytes>;

/// A frame that enters the link as though one of the ends had sent it.
struct FrameSpec {
  std::string id{};  // empty: only the next expectation can mean it
  Direction direction = Direction::to_target;
  std::optional<Mac> destination{};  // none: of the end that it is for
  std::optional<Mac> source{};       // none: of the other end
  std::uint8_t version = protocol_version;
  std::optional<std::uint8_t> flags{};  // none: R in a frame for the initiator
  std::uint8_t error = 0;
  std::optional<std::uint16_t> shelf{};  // none: the target's
  std::optional<std::uint8_t> slot{};
  std::uint8_t command = 0;
  std::optional<std::uint32_t> tag{};  // none: a new one
  ArgFields arg{};
  std::optional<std::vector<std::uint8_t>> bytes{};  // the whole frame, and none of the above
  std::optional<std::uint32_t> truncate{};           // to this size
  std::uint32_t pad = frame_size_min;                // with zeros to this size; 0 when truncated
  std::uint32_t repeat = 1;
};
inline constexpr std::size_t frame_spec_size_max = 9014;  // bytes: what the largest link carries

/// A register of which some bits matter.
struct Bits {
  std::uint8_t mask = 0;
  std::uint8_t value = 0;
};

/// What an answer holds; a field that is nothing may be anything.
struct ReplySpec {
  bool success = false;                 // no error of AoE's, nor of the command's
  std::optional<std::uint8_t> error{};  // 0: flag E is clear
  std::optional<std::uint8_t> version{};
  std::optional<std::uint8_t> flags{};
  std::optional<std::uint8_t> command{};
  std::optional<std::uint16_t> shelf{};
  std::optional<std::uint8_t> slot{};
  std::optional<std::uint32_t> size{};  // at least so many bytes

  std::optional<Bits> ata_status{};
  std::optional<std::uint8_t> ata_error{};
  std::optional<std::uint8_t> ata_count{};
  std::optional<std::uint64_t> ata_lba{};
  std::optional<Content> ata_data{};

  std::optional<std::uint16_t> buffers{};  // at least
  std::optional<std::uint16_t> firmware{};
  std::optional<std::uint8_t> sectors{};  // at least
  std::optional<std::uint8_t> config_version{};
  std::optional<std::uint8_t> config_command{};
  std::optional<std::string> string{};

  std::optional<std::uint8_t> mask_command{};
  std::optional<std::uint8_t> mask_error{};
  std::optional<std::uint8_t> mask_count{};
  std::optional<std::uint8_t> reserve_command{};
  std::optional<std::uint8_t> reserve_count{};
  std::optional<std::vector<Mac>> macs{};  // of a mask or reserve list, in any order
};

/// One of several answers, or silence.
struct ExpectReply {
  std::string of{};  // empty: of the frame sent last
  bool silence = false;
  std::vector<ReplySpec> any{};
  std::optional<TimeExpression> within{};  // none: the longest timeout there is
};

/// So many answers, no more and no fewer.
struct ExpectReplies {
  std::string of{};
  std::uint32_t count = 1;
};

/// "error bad-argument", "status ok, data pattern", "ok".
std::string describe(const ReplySpec& reply);
/// "error bad-argument, or silence".
std::string describe(const ExpectReply& reply);

/// Reads the mapping of a `send` step, and finishes it.
FrameSpec parse_send(YamlMap& map);
/// The well-behaved request of an `identify`, `config`, `mask` or `reserve` step, and its answer
/// (`ok` unless told). Finishes the mapping.
struct Query {
  FrameSpec request;
  ExpectReply reply;
};
Query parse_query(const std::string& word, YamlMap& map);
/// What `reply:` is in an expectation: a word, a list of alternatives, or a mapping.
ExpectReply parse_reply(const YAML::Node& node, const std::string& file);
ExpectReplies parse_replies(YamlMap& map);

}  // namespace aoe::harness
