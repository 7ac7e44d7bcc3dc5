// How long to wait for the answer to a command that others have overtaken, before it counts as
// lost.
//
// The idea of RFC 8985: when later transmissions on the same path were answered, the answer to an
// earlier one is late or will not come. Answers of a disk come in any order, and data from a
// platter long after data from a cache. So the wait starts at a quarter of the round trip, at least
// 1 ms, and adapts: each command that was late but not lost raises it to twice the time that would
// have been enough; every losses_per_step real losses halve what was learnt. Owned by one path;
// called with the fate of each command. Reads no clock.
#pragma once

#include "base/instant.h"

namespace aoe::initiator {

class ReorderingWindow {
 public:
  static constexpr Duration wait_min = std::chrono::milliseconds(1);
  static constexpr unsigned losses_per_step = 64;

  /// Returns the wait, from the moment that a later command was answered. It is eight times as long
  /// for each transmission before the `attempt`-th (from 1 on): what a second copy does not mend, a
  /// third may not either.
  Duration wait(Duration round_trip_average, unsigned attempt) const;

  /// A command counted as lost after its wait.
  void lost();
  /// The answer to such a command came after all, `by` after it was overtaken.
  void was_late(Duration by);

 private:
  Duration learned_{};
  unsigned losses_ = 0;
};

}  // namespace aoe::initiator
