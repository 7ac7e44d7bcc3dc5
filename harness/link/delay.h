// delay: the frame arrives `by` (0) later, and up to `jitter` (0) more, each its own.
//
// With a jitter frames overtake each other, as they do on a network.
#pragma once

#include "harness/link/fault.h"

namespace aoe::harness {

class DelayFault final : public Fault {
 public:
  DelayFault(std::string id, const Selector& selector, const DelaySpec& spec)
      : Fault(std::move(id), selector), spec_(spec) {}

  void strike(Passing& passing, Random& random) override {
    passing.delay += spec_.by;
    if (spec_.jitter == Duration{}) return;
    const auto values = static_cast<std::uint64_t>(spec_.jitter.count()) + 1;
    passing.delay += Duration(static_cast<Duration::rep>(random() % values));
  }

 private:
  const DelaySpec spec_;
};

}  // namespace aoe::harness
