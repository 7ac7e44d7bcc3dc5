// duplicate: the frame arrives again, `copies` (1) times, right behind itself or each copy `spread`
// behind the one before.
#pragma once

#include <algorithm>

#include "harness/link/fault.h"

namespace aoe::harness {

class DuplicateFault final : public Fault {
 public:
  DuplicateFault(std::string id, const Selector& selector, const DuplicateSpec& spec = {})
      : Fault(std::move(id), selector), spec_(spec) {}

  void strike(Passing& passing, Random&) override {
    passing.copies += spec_.copies;
    passing.spread = std::max(passing.spread, spec_.spread);
  }

 private:
  const DuplicateSpec spec_;
};

}  // namespace aoe::harness
