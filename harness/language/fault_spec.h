// The faults there are, as an `arm` step names them: what each does, and the keys that it has
// beyond the selector's.
//
// Most happen to frames; their deeds are the small classes beside this header. The others happen to
// an end, and are the world's to do.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/language/selector.h"
#include "proto/layout.h"

namespace aoe::harness {

// What happens to the frames that the selector chooses.

/// drop: they are lost.
struct DropSpec {};
/// duplicate: they arrive `copies` (1) times more, each copy `spread` (0) behind the one before.
struct DuplicateSpec {
  std::uint32_t copies = 1;
  Duration spread{};
};
/// delay: they arrive later, all by `by`, and each by up to `jitter` more, from the run's seed.
struct DelaySpec {
  Duration by{};
  Duration jitter{};
};
/// reorder: they are held back for `by` (1ms), and others overtake them.
struct ReorderSpec {
  Duration by{};
};
/// corrupt: fields are `set` to a value, or some of their bits inverted (`xor`). A frame that does
/// not have all of these fields is none of this fault's.
struct CorruptSpec {
  struct Change {
    Field field;
    std::uint64_t value = 0;
    bool invert = false;  // the bits of the value; else the field gets the value
  };
  std::vector<Change> changes;
};
/// truncate: they end after `to` bytes; a frame that is no longer than that is none of this
/// fault's.
struct TruncateSpec {
  std::uint32_t to = 0;
};
/// partition: nothing gets through, in the directions that match.
struct PartitionSpec {};
/// rate: they go out at this speed one after another, each direction for itself, and what finds
/// `queue` (64KiB) waiting is lost.
struct RateSpec {
  std::uint64_t bits_per_second = 0;  // at: 10Mbit
  std::uint64_t queue = 0;            // bytes
};
/// count: nothing happens to them, but that they are counted: those that are `shorter` than so many
/// bytes, and whose fields all have these values (`has`), others (`lacks`), greater
/// ones (`above`) or smaller ones (`below`).
struct CountSpec {
  enum class Relation : std::uint8_t { has, lacks, above, below };
  struct Condition {
    Field field;
    Relation relation = Relation::has;
    std::uint64_t value = 0;
  };
  std::vector<Condition> conditions;
  std::optional<std::uint32_t> shorter;
};

// What happens to an end.

// `end` names the node, by default the first target, and `on` the segment that its interface is on,
// by default its first.

/// mac-change: the interface takes the address `mac`, and keeps it.
struct MacChangeSpec {
  Mac mac;
  PortIndex port = target_port;
};
/// link-down: the interface has no carrier.
struct LinkDownSpec {
  PortIndex port = target_port;
};
/// mtu: the interface has this MTU.
struct MtuSpec {
  std::uint16_t mtu = 0;
  PortIndex port = target_port;
};
/// pause: the target stands still; what reaches it meanwhile waits, as far as there is room.
struct PauseSpec {
  NodeIndex target = target_node;
};
/// kill: the target is gone, with all that it had not made stable; it comes back after
/// `restart-after`, or when the fault is healed.
struct KillSpec {
  NodeIndex target = target_node;
  std::optional<Duration> restart_after;
};
/// What a disk fails or does slowly, and where.
struct DiskFaults {
  bool reads = true;
  bool writes = true;
  bool flushes = false;  // a flush concerns the whole disk
  std::uint64_t lba = 0;
  std::uint64_t sectors = UINT64_MAX;
  std::uint64_t count = UINT64_MAX;  // so many operations, then it is whole again
  int error = EIO;   // how it fails: as a disk that is full (ENOSPC), or gone (ENODEV)
  Duration delay{};  // it is so slow, and does not fail; 0: it fails

  bool operator==(const DiskFaults&) const = default;

  /// Is any of these bytes in the sectors that fail?
  bool strikes(std::uint64_t offset, std::uint64_t size) const;
};
/// disk-error: the disk of the LUN `to`, by default the first target's first, fails operations.
struct DiskErrorSpec {
  Device device;
  DiskFaults faults;
};
/// slow-disk: that disk takes so much longer (`by`) for them.
struct SlowDiskSpec {
  Device device;
  DiskFaults faults;
};
/// interface-gone: the interface is not there, for its node and for its segment; it comes back when
/// the fault is healed, on the segment `to` where that is given.
struct InterfaceGoneSpec {
  PortIndex port = target_port;
  std::optional<SegmentIndex> to{};
};
/// interface-renamed: the interface has another name, which the program that works on it is not told,
/// until the fault is healed.
struct InterfaceRenamedSpec {
  std::string name;
  PortIndex port = target_port;
};

struct FaultSpec {
  using Kind = std::variant<DropSpec, DuplicateSpec, DelaySpec, ReorderSpec, CorruptSpec,
                            TruncateSpec, PartitionSpec, RateSpec, MacChangeSpec, LinkDownSpec,
                            MtuSpec, PauseSpec, KillSpec, DiskErrorSpec, SlowDiskSpec,
                            InterfaceGoneSpec, InterfaceRenamedSpec, CountSpec>;
  std::string id;
  Selector selector;  // of what happens to frames
  Kind kind;

  /// Reads the mapping of an `arm` step, and finishes it.
  static FaultSpec parse(YamlMap& map, const Network& network);

  /// Does it happen to frames? Else to an end.
  bool strikes_frames() const;
  /// "drop", "mac-change": what `fault:` says.
  const std::string& word() const;
};

/// The words for `fault:`, in the order of FaultSpec::Kind; the first ones strike frames, and the
/// last one looks at them.
const std::vector<std::string>& fault_words();
inline constexpr std::size_t frame_fault_count = 8;

}  // namespace aoe::harness
