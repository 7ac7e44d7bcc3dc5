// A fault: what happens to frames between the two ends while it is armed.
//
// Its selector (language/selector.h) chooses the frames, in the same way for all kinds. What a kind
// does is in fault.cc, and what its keys mean in language/fault_spec.h. The same faults run in
// virtual time and on a real link, and decide the same from the same frames and random numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "harness/language/fault_spec.h"
#include "harness/link/schedule.h"

namespace aoe::harness {

/// A frame on its way, as faults see it, and what they have decided so far.
struct Passing {
  Way way{};
  Subject subject{};                   // as it was sent
  std::optional<std::uint32_t> tag{};  // as it was sent; none where it is not AoE
  Bytes bytes{};                       // as it will arrive
  Instant now{};
  bool names_nodes = false;  // there are others than the two that the direction tells apart
  bool dropped = false;
  bool changed = false;
  unsigned copies = 1;
  Duration delay{};
  Duration spread{};  // of each copy behind the one before

  /// The frame's bytes, to be changed. They live in `room`, which the stage owns: it keeps its
  /// capacity from frame to frame.
  std::vector<std::uint8_t>& change();
  std::vector<std::uint8_t>* room = nullptr;
};

using Random = std::mt19937_64;

class Fault {
 public:
  /// `spec`: of a fault that strikes frames; what happens to an end is the world's to do.
  explicit Fault(FaultSpec spec) : spec_(std::move(spec)) {}

  const std::string& id() const { return spec_.id; }
  /// Frames struck so far.
  std::uint64_t hits() const { return hits_; }

  /// The fault is armed. `at_work`: the I/Os that are, for a fault that waits for one of them.
  void arm(Instant now, const std::vector<std::string>& at_work);
  void io_began(const std::string& id) { io_at_work_ |= is_for(id); }
  void io_ended(const std::string& id) { io_at_work_ &= !is_for(id); }

  /// Strikes the frame if it is selected. Returns whether it did.
  bool meet(Passing& passing, Random& random);
  /// Does it leave all frames as they are? Then no plan mentions it.
  bool only_counts() const { return std::holds_alternative<CountSpec>(spec_.kind); }
  /// Does to the frame what the fault does, selected or not.
  void strike(Passing& passing, Random& random);

 private:
  bool is_for(const std::string& io) const {
    return spec_.selector.during && spec_.selector.during->io == io;
  }
  bool is_during(Instant now) const;
  bool selects(const Passing& passing, Random& random);

  FaultSpec spec_;
  Instant armed_{};
  bool io_at_work_ = false;
  std::uint64_t matched_ = 0;
  std::uint64_t hits_ = 0;
  /// rate: when the last frame has gone out that went to a node, by segment and node.
  std::map<std::pair<SegmentIndex, NodeIndex>, Instant> free_;
};

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

/// A fault from `arm` to `heal`. It strikes the frames that its selector chooses or, in a run that
/// repeats another, exactly those that the other's decisions name.
///
/// Owned by the fault stage. Has random numbers of its own, so that one fault doesn't change the
/// chances of another, and counts the frames it meets, which names those it strikes.
class ArmedFault {
 public:
  /// `seed`: the run's. `plan`: the decisions to follow, which outlives this; null: none.
  ArmedFault(Fault fault, std::uint64_t seed, Plan* plan);

  Fault& fault() { return fault_; }
  const std::string& id() const { return fault_.id(); }

  /// Returns what the fault did to the frame, if anything.
  std::optional<Decision> meet(Passing& passing);

 private:
  struct Hash {
    std::size_t operator()(const FrameKey& key) const;
  };
  /// Does what the plan says of the frame. Returns whether it says anything.
  bool follow(const FrameKey& key, Passing& passing);

  Fault fault_;
  Random random_;
  std::unordered_map<FrameKey, std::uint64_t, Hash> met_;  // by key, whose nth is 0
  Plan* plan_;
  std::unordered_map<FrameKey, std::size_t, Hash> planned_;  // its decisions, by place in the plan
};

}  // namespace aoe::harness
