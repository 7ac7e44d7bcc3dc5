// rate: a slow link. Frames go out `at` so many bits a second, one behind the other, each direction
// for itself; a frame that finds more than `queue` (64KiB) waiting is lost.
#pragma once

#include <array>

#include "harness/link/fault.h"

namespace aoe::harness {

class RateFault final : public Fault {
 public:
  RateFault(std::string id, const Selector& selector, const RateSpec& spec)
      : Fault(std::move(id), selector), spec_(spec) {}

  void strike(Passing& passing, Random&) override {
    Instant& free = free_[static_cast<std::size_t>(passing.direction)];
    if (free < passing.now) free = passing.now;
    if (free - passing.now > time_of(spec_.queue)) {
      passing.dropped = true;
      return;
    }
    free += time_of(passing.bytes.size() * passing.copies);
    passing.delay += free - passing.now;
  }

 private:
  Duration time_of(std::uint64_t bytes) const {
    return Duration(static_cast<Duration::rep>(8e9 * static_cast<double>(bytes) /
                                               static_cast<double>(spec_.bits_per_second)));
  }

  const RateSpec spec_;
  std::array<Instant, 2> free_{};  // when the last frame of a direction has gone out
};

}  // namespace aoe::harness
