// Time as the engines get it: an argument, never a call.
//
// An Instant is a point on a monotonic timeline of unspecified origin: the machine's monotonic
// clock in a daemon, a virtual clock in a simulation.
#pragma once

#include <chrono>

namespace aoe {

using Duration = std::chrono::nanoseconds;

struct Timeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Timeline>;
  static constexpr bool is_steady = true;
};

using Instant = Timeline::time_point;

/// Later than any deadline; as a deadline it means that no timer is set.
inline constexpr Instant never = Instant::max();

/// Returns the machine's time: for programs and drivers, which hand it to the engines.
inline Instant monotonic_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace aoe
