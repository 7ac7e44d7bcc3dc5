// A fault that is armed. It strikes the frames that its selector chooses or, in a run that repeats
// another, exactly those that the other's decisions name.
//
// Owned by the fault stage from `arm` to `heal`. Has random numbers of its own, so that one fault
// doesn't change the chances of another, and counts the frames it meets, which names those it
// strikes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "harness/link/fault.h"
#include "harness/link/schedule.h"

namespace aoe::harness {

/// The decisions that a run repeats, and which of them were already met.
class Plan {
 public:
  explicit Plan(std::vector<Decision> decisions)
      : decisions_(std::move(decisions)), met_(decisions_.size()) {}

  /// The decisions whose frame never came.
  std::vector<Decision> missed() const;

 private:
  friend class ArmedFault;
  std::vector<Decision> decisions_;
  std::vector<bool> met_;
};

class ArmedFault {
 public:
  /// `seed`: the run's. `plan`: the decisions to follow, which outlives this; null: none.
  ArmedFault(std::unique_ptr<Fault> fault, std::uint64_t seed, Plan* plan);

  Fault& fault() { return *fault_; }
  const std::string& id() const { return fault_->id(); }

  /// Returns what the fault did to the frame, if anything.
  std::optional<Decision> meet(Passing& passing);

 private:
  struct Hash {
    std::size_t operator()(const FrameKey& key) const;
  };
  /// Does what the plan says of the frame. Returns whether it says anything.
  bool follow(const FrameKey& key, Passing& passing);

  std::unique_ptr<Fault> fault_;
  Random random_;
  std::unordered_map<FrameKey, std::uint64_t, Hash> met_;  // by key, whose nth is 0
  Plan* plan_;
  std::unordered_map<FrameKey, std::size_t, Hash> planned_;  // its decisions, by place in the plan
};

}  // namespace aoe::harness
