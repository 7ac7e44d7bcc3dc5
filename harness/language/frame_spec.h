// Frames that a scenario sends: assignments to the fields of the wire, right or wrong.
//
// Plain data: run/raw_exchange.h makes frames of it. A field that is not assigned has what a
// well-behaved peer would send.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/language/field_reader.h"
#include "harness/language/network.h"
#include "harness/language/reply_spec.h"
#include "harness/language/selector.h"
#include "proto/frame.h"
#include "proto/layout.h"

namespace aoe::harness {

/// A field's value; `entry`: of a list, which entry.
struct Assignment {
  Field field;
  std::uint64_t value;
  std::uint8_t entry = 0;
};

/// A frame that enters the link as though one of the ends had sent it.
struct FrameSpec {
  std::string id{};  // empty: only the next expectation can mean it
  Direction direction = Direction::to_target;
  NodeIndex initiator = initiator_node;  // one of the two between which it passes,
  Device target{};                       // and the other
  std::optional<SegmentIndex> on{};      // by way of this segment; else the first that both are on
  std::optional<layout::Message> message{};  // whose fields follow the header; nullopt: none do
  std::vector<Assignment> fields{};          // a later assignment replaces an earlier one
  bool most_sectors = false;                 // ata.count: as many as the target's Sector Count
  Content data{};                            // of the sectors that ata.count says
  std::vector<std::uint8_t> rest{};          // bytes that follow the fields: a config string
  std::optional<std::vector<std::uint8_t>> bytes{};  // the whole frame, in place of the above
  std::optional<std::uint32_t> truncate{};           // to this size
  std::uint32_t pad = frame_size_min;                // with zeros to this size; 0 when truncated
  std::uint32_t repeat = 1;
  bool repeat_buffers = false;  // as often as the target's Buffer Count, in place of `repeat`
  bool tag_each = false;        // each copy has a tag of its own
  std::vector<Mac> sources{};   // one copy from each of these, with a tag of its own

  void assign(Field field, std::uint64_t value, std::size_t entry = 0) {
    fields.push_back({field, value, static_cast<std::uint8_t>(entry)});
  }
  /// The last value assigned; nullopt: none is.
  std::optional<std::uint64_t> value(Field field, std::size_t entry = 0) const;
};

/// A request of that command whose fields are all zero: a config query, reading a list.
FrameSpec plain_request(Command command);
/// An ATA request of so many sectors with the flags that the opcode needs; a write's data is the
/// disk's pattern.
FrameSpec ata_request(ata::Opcode opcode, std::uint8_t sectors);

/// "READ EXT lba 7+0", "config set "abc"": what the frame is, as far as it is a frame.
std::string name_of(const FrameSpec& frame);

/// Reads the mapping of a `send` step, and finishes it.
FrameSpec parse_send(YamlMap& map, const Network& network);

/// A request and the reply that is expected.
struct Query {
  FrameSpec request;
  ExpectReply reply;
};
/// Reads an `identify`, `config`, `mask` or `reserve` step, whose reply is `ok` by default, or an
/// `ask` step, whose reply is any `answer` by default. Finishes the mapping.
Query parse_query(const std::string& word, YamlMap& map, const Network& network);

/// What IDENTIFY may say that a disk has.
enum class Feature : std::uint8_t {
  dma,
  flush,
  flush_ext,
  lba48,
  power_management,
  smart,
  trim,
  trim_zero,  // and trimmed sectors read as zeros
};
std::string_view text(Feature feature);
/// A list of features, or one.
std::vector<Feature> parse_features(YamlMap& map, const std::string& key);

}  // namespace aoe::harness
