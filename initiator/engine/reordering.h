// How long a command that others have overtaken is waited for before it counts as lost.
//
// The idea of RFC 8985: where later transmissions by the same path were answered, the answer to an
// earlier one is late or will not come. Answers of a disk come in any order, and one that is read
// from a platter long after one from a cache. So the wait starts at a quarter of the round-trip
// time, at least 1 ms, and learns: each command that was late and not lost raises it to twice the
// time that would have been enough; dozens of losses that were none of this bring it down again.
// Owned by one path; told what became of commands. Reads no clock.
#pragma once

#include "base/instant.h"

namespace aoe::initiator {

class ReorderingWindow {
 public:
  static constexpr Duration wait_min = std::chrono::milliseconds(1);
  static constexpr unsigned losses_per_step = 64;

  /// From the moment that a later command was answered. Eight times as long for each transmission
  /// before the `attempt`-th (from 1 on): what a second copy does not mend, a third may not either.
  Duration wait(Duration round_trip_average, unsigned attempt) const;

  /// A command was given up after its wait.
  void lost();
  /// Its answer came after all, so much after it was overtaken.
  void was_late(Duration by);

 private:
  Duration learned_{};
  unsigned losses_ = 0;
};

}  // namespace aoe::initiator
