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

#include "harness/language/time_window.h"
#include "harness/link/fault.h"
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
  bool most = false;        // as many as the target's Sector Count, in place of `count`
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
  bool repeat_buffers = false;  // as often as the target's Buffer Count, in place of `repeat`
  bool tag_each = false;        // each copy has a tag of its own
};
inline constexpr std::size_t frame_spec_size_max = 9014;  // bytes: what the largest link carries

/// A register of which some bits matter: they are `value`, or any of them is set.
struct Bits {
  std::uint8_t mask = 0;
  std::uint8_t value = 0;
  bool any = false;
};

/// Words of IDENTIFY, the first the least, of which some bits matter.
struct IdentifyWords {
  std::uint8_t word = 0;
  std::uint8_t count = 1;
  std::uint64_t mask = UINT64_MAX;
  std::uint64_t value = 0;
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
  std::vector<IdentifyWords> identify_words{};
  bool identify_texts = false;     // serial, firmware and model are printable, padded with blanks
  bool identify_checksum = false;  // word 255 has its signature, and a right checksum

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
  bool list_whole = false;                 // all that the list counts is in the frame
};

/// One of several answers, or silence.
struct ExpectReply {
  std::string of{};  // empty: of the frame sent last
  bool silence = false;
  std::vector<ReplySpec> any{};
  std::optional<TimeExpression> within{};  // none: the longest timeout there is
};

/// So many answers, no more and no fewer. Where each copy had a tag of its own, one to each.
struct ExpectReplies {
  std::string of{};
  std::uint32_t count = 1;
  bool buffers = false;         // as many as the target's Buffer Count, in place of `count`
  std::vector<Address> from{};  // of these, one of each; empty: whoever
};

/// A config answer that nobody asked for, since something was last healed.
struct ExpectAnnouncement {
  std::optional<Mac> to{};  // none: whomever
  std::optional<TimeExpression> within{};
  ReplySpec fields{};
};

/// What the target's disk holds, read past the target; from then on it is right that it does.
struct ExpectStore {
  std::uint64_t lba = 0;
  std::uint32_t count = 1;
  Content data{};
};

/// What IDENTIFY may say that a disk has.
enum class Feature : std::uint8_t {
  dma,
  flush,
  flush_ext,
  lba48,
  power_management,
  smart,
  trim,
};
std::string_view text(Feature feature);

/// "error bad-argument", "status ok, data pattern", "ok".
std::string describe(const ReplySpec& reply);
/// A config string for a person: bytes that are no letters as "\xff".
std::string printable(const std::string& string);
/// "error bad-argument, or silence".
std::string describe(const ExpectReply& reply);
/// "announcement to ff:ff:ff:ff:ff:ff: version 1".
std::string describe(const ExpectAnnouncement& announcement);
/// "lba 7, 2 sectors: a5".
std::string describe(const ExpectStore& store);

/// Reads the mapping of a `send` step, and finishes it.
FrameSpec parse_send(YamlMap& map);
/// The well-behaved request of an `identify`, `config`, `mask` or `reserve` step, and its answer
/// (`ok` unless told); or of an `ask` step, the plainest of its kind (`answer` unless told).
/// Finishes the mapping.
struct Query {
  FrameSpec request;
  ExpectReply reply;
};
Query parse_query(const std::string& word, YamlMap& map);
/// What `reply:` is in an expectation: a word, a list of alternatives, or a mapping.
ExpectReply parse_reply(const YAML::Node& node, const std::string& file);
ExpectReplies parse_replies(YamlMap& map);
ExpectAnnouncement parse_announcement(YamlMap& map);
/// Of a disk of so many sectors.
ExpectStore parse_store(YamlMap& map, std::uint64_t sectors);
/// A list of features, or one.
std::vector<Feature> parse_features(YamlMap& map, const std::string& key);

}  // namespace aoe::harness
