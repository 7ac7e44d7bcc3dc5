// No initiator at all: for scenarios that spell every frame themselves.
#pragma once

#include "base/check.h"
#include "harness/world/live_initiator.h"

namespace aoe::harness {

class IdleInitiator final : public LiveInitiator {
 public:
  std::string broken() override { return {}; }
  void discover(Address) override {}
  void submit(const initiator::IoRequest&, World::Done) override {
    AOE_CHECK(false && "an I/O of a scenario that has none");
  }
  bool open(Address) override { return false; }
  void close(Address) override {}
  bool is_up(Address) const override { return false; }
  std::string state(Address) const override { return {}; }
};

}  // namespace aoe::harness
