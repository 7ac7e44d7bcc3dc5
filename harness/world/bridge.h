// A bridge between two frame ports that treats frames as a poor network does: it loses, doubles,
// delays and reorders them, each way by chance and for itself.
//
// For tests whose two ends are real processes (aoe-bridge). It keeps counts only; a scenario's
// FaultStage keeps a ledger, and says which frames are struck. Both strike with the faults of
// link/fault.h. The same frames meet the same fate wherever the seed is the same, whatever the time
// they arrive at.
//
// Does no waiting and reads no clock: its owner calls forward() when a port is readable, and tick()
// when deadline() has come.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/link/fault.h"
#include "wire/frame_port.h"

namespace aoe::harness {

class Bridge {
 public:
  /// Chances are of each frame, 0 to 1.
  struct Options {
    double loss = 0;
    double duplicate = 0;
    double reorder = 0;  // held back for reorder_by while others go on
    Duration reorder_by = std::chrono::milliseconds(1);
    Duration delay{};
    Duration jitter{};  // added to the delay: anything from nothing to this
    std::uint64_t seed = 1;
  };

  /// What came in at one end.
  struct Counts {
    std::uint64_t frames = 0;
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
    std::uint64_t held_back = 0;  // for being reordered

    bool operator==(const Counts&) const = default;
  };

  enum class End : std::uint8_t { a, b };

  /// The ports outlive the bridge.
  Bridge(FramePort& a, FramePort& b, const Options& options);

  /// Passes on a batch of the frames that wait at an end. Returns how many there were.
  std::size_t forward(End from, Instant now);
  /// When tick() has frames to send that were held; never while there are none.
  Instant deadline() const { return held_.empty() ? never : held_.front().due; }
  void tick(Instant now);

  Counts counts(End from) const;

 private:
  /// From one end to the other.
  struct Way {
    Way(FramePort& to, const Options& options, std::uint64_t seed);

    FramePort& to;
    Random random;
    Fault loss;
    Fault duplicate;
    Fault reorder;
    std::uint64_t frames = 0;
  };
  struct Held {
    Instant due;
    std::uint64_t order;
    Way* way;
    std::vector<std::uint8_t> bytes;
    bool operator>(const Held& other) const {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  Way& way(End from) { return ways_[static_cast<std::size_t>(from)]; }
  Passing decide(Way& way);
  void hold(Way& way, Bytes frame, Instant due);

  std::array<FramePort*, 2> ports_;
  const Duration delay_;
  const Duration jitter_;
  std::array<Way, 2> ways_;  // by the end that a frame comes from
  std::vector<Held> held_;   // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::vector<Outgoing> leaving_;
  std::vector<std::vector<std::uint8_t>> spare_;
};

}  // namespace aoe::harness
