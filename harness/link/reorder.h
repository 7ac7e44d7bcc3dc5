// reorder: the frame is held back for `by` (1ms) while those behind it go on.
#pragma once

#include "harness/link/fault.h"

namespace aoe::harness {

class ReorderFault final : public Fault {
 public:
  ReorderFault(std::string id, const Selector& selector, const ReorderSpec& spec)
      : Fault(std::move(id), selector), by_(spec.by) {}

  void strike(Passing& passing, Random&) override { passing.delay += by_; }

 private:
  const Duration by_;
};

}  // namespace aoe::harness
