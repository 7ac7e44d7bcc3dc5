// drop: the frame is lost. No keys of its own.
#pragma once

#include "harness/link/fault.h"

namespace aoe::harness {

class DropFault final : public Fault {
 public:
  using Fault::Fault;
  void strike(Passing& passing, Random&) override { passing.dropped = true; }
};

}  // namespace aoe::harness
