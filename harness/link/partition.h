// partition: nothing gets through, until it is healed; both ways, or the one that `match` names.
//
// To the frame it is a drop; it is a fault of its own so that a ledger tells a cut link from a
// lossy one.
#pragma once

#include "harness/link/fault.h"

namespace aoe::harness {

class PartitionFault final : public Fault {
 public:
  using Fault::Fault;
  void strike(Passing& passing, Random&) override { passing.dropped = true; }
};

}  // namespace aoe::harness
