// A fault at work: it strikes the frames that its selector chooses; or, in a run that repeats
// another, those that the other's decisions name and no others.
//
// Owned by the fault stage from `arm` to `heal`. Draws from a seed of its own, so that no fault
// moves another's chances; and counts what it meets, so that a frame it strikes can be named.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "harness/link/fault.h"
#include "harness/link/schedule.h"

namespace aoe::harness {

/// The decisions that a run is to repeat, and which of them it has come to.
class Plan {
 public:
  explicit Plan(std::vector<Decision> decisions)
      : decisions_(std::move(decisions)), met_(decisions_.size()) {}

  /// Those whose frame never came.
  std::vector<Decision> missed() const;

 private:
  friend class ArmedFault;
  std::vector<Decision> decisions_;
  std::vector<bool> met_;
};

class ArmedFault {
 public:
  /// `seed`: the run's. With a plan, which outlives this, it does what stands there.
  ArmedFault(std::unique_ptr<Fault> fault, std::uint64_t seed, Plan* plan);

  Fault& fault() { return *fault_; }
  const std::string& id() const { return fault_->id(); }

  /// Returns what it did to the frame, if anything.
  std::optional<Decision> meet(Passing& passing);

 private:
  struct Hash {
    std::size_t operator()(const FrameKey& key) const;
  };
  /// Does what the plan says; returns whether it says anything.
  bool follow(const FrameKey& key, Passing& passing);

  std::unique_ptr<Fault> fault_;
  Random random_;
  std::unordered_map<FrameKey, std::uint64_t, Hash> met_;  // by key, whose nth is 0
  Plan* plan_;
  std::unordered_map<FrameKey, std::size_t, Hash> planned_;  // its decisions, by place in the plan
};

}  // namespace aoe::harness
