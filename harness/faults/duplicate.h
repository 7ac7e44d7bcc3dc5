// duplicate: the frame arrives once more, right behind itself. No keys of its own.
#pragma once

#include "harness/faults/fault.h"

namespace aoe::harness {

class DuplicateFault final : public Fault {
  using Fault::Fault;
  void strike(Passing& passing) override { ++passing.copies; }
};

}  // namespace aoe::harness
