// LineLimit: keeps what a peer or a disk causes from flooding the log.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/instant.h"

namespace aoe {

/// Admits ten log lines about one subject at once, then one a second, and counts the others, so that
/// their number can be logged. Owned by the subject; used by one thread. Never reads a clock.
class LineLimit {
 public:
  /// Returns whether a line may be logged at `now`. One that may not is counted.
  bool admits(Instant now) {
    const Instant due = std::max(due_, now);
    if (due - now > (burst - 1) * interval) {
      ++left_out_;
      return false;
    }
    due_ = due + interval;
    return true;
  }

  /// Returns the number of lines that were not admitted since the last call.
  std::uint64_t take_left_out() { return std::exchange(left_out_, 0); }

 private:
  static constexpr int burst = 10;
  static constexpr std::chrono::seconds interval{1};

  Instant due_{};  // when the lines that were admitted are paid for, one each interval
  std::uint64_t left_out_ = 0;
};

}  // namespace aoe
