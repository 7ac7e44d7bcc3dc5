// truncate: the frame ends after `to` bytes, counted from its destination address on. One that is
// no longer than that is none of this fault's.
#pragma once

#include "harness/link/fault.h"

namespace aoe::harness {

class TruncateFault final : public Fault {
 public:
  TruncateFault(std::string id, const Selector& selector, const TruncateSpec& spec)
      : Fault(std::move(id), selector), to_(spec.to) {}

  void strike(Passing& passing, Random&) override {
    if (!can_strike(passing)) return;
    passing.bytes = passing.bytes.first(to_);
    passing.changed = true;
  }

 private:
  bool can_strike(const Passing& passing) const override { return passing.bytes.size() > to_; }

  const std::size_t to_;
};

}  // namespace aoe::harness
