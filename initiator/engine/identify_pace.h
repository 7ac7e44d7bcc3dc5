// How fast an engine may ask targets who they are, over all devices together.
//
// Anyone may claim 65,536 disks with as many config answers, and each has to be asked. The first
// question to each target goes out at once while they come at up to 10,000 a second, with 4,096 to
// spare; repetitions, which only silence needs, and searches for silent devices (paths.h) at up to
// 1,000 a second. A question beyond that is
// sent later, in the order of asking, at an instant of its own: nothing is polled.
//
// Owned by the engine, used by its devices. Constant time and memory; reads no clock.
#pragma once

#include <algorithm>

#include "base/instant.h"

namespace aoe::initiator {

class IdentifyPace {
 public:
  enum class Attempt { first, repeated };

  /// A first question is not asked at all where it would have to wait for longer.
  static constexpr Duration wait_max = std::chrono::seconds(10);

  /// Returns when the question may be sent, `now` or later, and has to be sent; `never`: not at all.
  Instant reserve(Attempt attempt, Instant now) {
    if (attempt == Attempt::repeated) return repeated_.reserve(now);
    return first_.next > now + wait_max ? never : first_.reserve(now);
  }

 private:
  struct Bucket {
    Duration distance;  // between two questions
    int spare;          // as many may come at once after a pause
    Instant next = Instant::min();

    Instant reserve(Instant now) {
      next = std::max(next, now - spare * distance);
      const Instant granted = std::max(next, now);
      next += distance;
      return granted;
    }
  };

  Bucket first_{std::chrono::microseconds(100), 4096};
  Bucket repeated_{std::chrono::milliseconds(1), 1000};
};

}  // namespace aoe::initiator
