// Which frames a fault strikes: the same words for every fault.
//
//   match: {direction: to-target|to-initiator, command: ata|read|write|flush|identify|config|…,
//           lba: 2, count: 8, size: [1001, 9018], tag: 0x1f, mac: "02:00:00:00:00:03",
//           on: lan, from: i1, to: t2, payload: {at: 36, bytes: "00ff"}}
//   nth: 2            the second frame that matches, and no other
//   every: 10         every tenth
//   probability: 0.02 each with this chance, from the run's seed
//   (none of the three) all that match
//   during: [0s, 50ms]  only so long after the fault was armed; or
//   during: read1       only while that I/O is at work
//
// A reply matches by what its request asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "harness/language/network.h"
#include "proto/address.h"

namespace aoe {
class YamlMap;
}

namespace aoe::harness {

enum class Direction : std::uint8_t { to_target, to_initiator };
/// The words for them, in this order.
inline const std::vector<std::string> direction_words{"to-target", "to-initiator"};
inline std::string_view text(Direction direction) {
  return direction_words[static_cast<std::size_t>(direction)];
}

/// Kinds of frames. `ata` is any ATA command, and `read` and so on one kind of them; `other` is
/// what is not AoE, or of a command that AoEr11 does not name.
enum class Traffic : std::uint8_t {
  other,
  ata,
  read,
  write,
  flush,
  identify,
  config,
  mask,
  reserve,
};
/// The words for them, in this order.
inline const std::vector<std::string> traffic_words{"other",    "ata",    "read", "write",  "flush",
                                                    "identify", "config", "mask", "reserve"};
inline std::string_view text(Traffic traffic) {
  return traffic_words[static_cast<std::size_t>(traffic)];
}

/// What a request asks for: the same in all its transmissions, and for its replies.
struct Subject {
  Traffic traffic = Traffic::other;
  Address address{};
  std::uint64_t lba = 0;     // of ATA commands
  std::uint8_t sectors = 0;  // of ATA commands

  bool operator==(const Subject&) const = default;
};

/// The numbers from `first` to `last`, both included.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = UINT64_MAX;

  bool contains(std::uint64_t number) const { return first <= number && number <= last; }
  bool operator==(const Range&) const = default;
  /// The value of `key`: "lba: 2", or "lba: [2, 9]".
  static Range parse(YamlMap& map, const std::string& key);
};

/// Where a frame is on its way.
struct Way {
  Direction direction{};
  SegmentIndex segment = 0;
  NodeIndex from = 0;
  NodeIndex to = 0;
};

/// Bytes that a frame has at an offset from its beginning.
struct Payload {
  std::uint32_t at = 0;
  std::vector<std::uint8_t> bytes;
};

struct Match {
  std::optional<Direction> direction;
  std::optional<Traffic> traffic;
  std::optional<Range> lba;  // where the request begins
  std::optional<std::uint8_t> sectors;
  std::optional<Range> size;  // of the frame itself, bytes with the Ethernet header
  std::optional<std::uint32_t> tag;
  std::optional<Mac> mac;          // of the target: a request's destination, an answer's source
  std::optional<SegmentIndex> on;  // the segment that it crosses
  std::optional<NodeIndex> from;   // the node that sent it,
  std::optional<NodeIndex> to;     // and the one that it is about to reach
  std::optional<Payload> payload;

  static Match parse(YamlMap map, const Network& network);
  bool matches(const Way& way, const Subject& subject, std::optional<std::uint32_t> tag,
               Bytes frame) const;
};

/// A time since the fault was armed, or the I/O that must be at work.
struct During {
  Duration from{};
  Duration until = Duration::max();
  std::string io;  // by id; empty: the times count
};

struct Selector {
  Match match;
  std::optional<std::uint64_t> nth;
  std::optional<std::uint64_t> every;
  std::optional<double> probability;
  std::optional<During> during;

  /// Asks for the selector's keys among those of an `arm` step.
  static Selector parse(YamlMap& map, const Network& network);
};

}  // namespace aoe::harness
