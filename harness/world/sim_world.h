// The sim world: engines, simulated segments, and virtual time.
//
// Nothing here waits: the clock jumps to whatever happens next (a frame arrives, an engine's timer
// is due). From the same scenario and seed it does the same to the last bit.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "harness/judge/parties.h"
#include "harness/world/engine_target.h"
#include "harness/world/mutant.h"
#include "harness/world/world.h"

namespace aoe::harness {

class SimWorld : public World {
 public:
  /// Where virtual time begins.
  static constexpr Instant origin{};
  /// Returns when a scenario begins.
  static Instant origin_of(const Scenario& scenario) {
    return origin + scenario.given.clock.value_or(std::chrono::seconds{});
  }

  /// `make_mutant` makes the one that the scenario names, at each interface of the node that it
  /// names. Each decision of the engines is written to `trace`.
  SimWorld(const Scenario& scenario, FaultStage& stage, Parties& parties, std::uint64_t seed,
           const MakeMutant& make_mutant = {}, const Trace& trace = {});
  ~SimWorld() override;

  Instant now() const override { return now_; }
  bool is_virtual() const override { return true; }
  Duration slack() const override { return {}; }
  std::string broken() const override { return {}; }
  std::uint64_t frames_lost() const override { return 0; }
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  InitiatorEnd& initiator(NodeIndex node) override;
  TargetEnd& target(NodeIndex node) override;
  void says(NodeIndex target, const Says& says, bool announce) override;
  Link link(PortIndex port) const override;
  Control set_link(PortIndex port, const Link& link) override;
  Control set_present(PortIndex port, bool present, std::optional<SegmentIndex> on) override;
  void inject(PortIndex from, Bytes frame) override;
  FaultStage& stage() override { return stage_; }

 private:
  class Port;
  class Initiator;
  class Target;

  /// Starts all nodes, on the first call that needs them: so faults can be armed before.
  void begin();
  /// Takes a frame from a port to the stage.
  void enter(PortIndex from, Bytes frame, Origin origin);
  void deliver(Held&& arrival);
  /// The next arrival; null while nothing is on its way.
  const Held* next_arrival() const;
  Held take_next_arrival();
  /// Keeps when a node's timers are due.
  void note_deadline(const auto& node) { deadlines_[node.node()] = node.deadline(); }

  FaultStage& stage_;
  Parties& parties_;
  const Network network_;
  const Duration one_way_;
  bool has_begun_ = false;
  Instant now_;
  std::vector<Held> on_time_;  // what nothing holds back: in order, from on_time_begin_ on
  std::size_t on_time_begin_ = 0;
  std::vector<Held> late_;  // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::vector<Delivery> entering_;

  std::deque<EngineDisk> disks_;
  std::vector<std::unique_ptr<Port>> ports_;            // by PortIndex
  std::vector<std::unique_ptr<Initiator>> initiators_;  // by NodeIndex; null for a target
  std::vector<std::unique_ptr<Target>> targets_;        // by NodeIndex; null for an initiator
  std::vector<Instant> deadlines_;                      // by NodeIndex
};

}  // namespace aoe::harness
