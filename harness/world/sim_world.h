// The sim world: both engines, a simulated link, and virtual time.
//
// Nothing here waits: the clock jumps to whatever happens next (a frame arrives, an engine's timer
// is due). From the same scenario and seed it does the same to the last bit.
#pragma once

#include <deque>
#include <vector>

#include "harness/judge/exchanges.h"
#include "harness/world/engine_initiator.h"
#include "harness/world/engine_target.h"
#include "harness/world/guise.h"
#include "harness/world/mutant.h"
#include "harness/world/world.h"
#include "initiator/client/session.h"

namespace aoe::harness {

class SimWorld : public World, public InitiatorEnd, public TargetEnd, Mutant::Sides {
 public:
  /// Where virtual time begins.
  static constexpr Instant origin{};

  /// `make_mutant` makes the one that the scenario names, at the end that it names. Each decision of
  /// both engines is written to `trace`.
  SimWorld(const Scenario& scenario, FaultStage& stage, Exchanges& exchanges, std::uint64_t seed,
           const MakeMutant& make_mutant = {}, const Trace& trace = {});
  ~SimWorld() override;

  Instant now() const override { return now_; }
  bool is_virtual() const override { return true; }
  Duration slack() const override { return {}; }
  std::string broken() const override { return {}; }
  std::uint64_t frames_lost() const override { return 0; }
  bool run_until(const std::function<bool()>& done, Instant deadline) override;
  InitiatorEnd& initiator() override { return *this; }
  TargetEnd& target() override { return *this; }
  void start_target() override;
  void says(const Says& says, bool announce) override;
  Link link(End end) const override;
  Control set_link(End end, const Link& link) override;
  void inject(Direction direction, Bytes frame) override {
    begin();
    enter(direction, frame, Origin::scenario);
  }
  FaultStage& stage() override { return stage_; }

  // The initiator.
  void discover(Address whom) override;
  void submit(const initiator::IoRequest& request, Done done) override;
  std::string_view state(Address device) const override {
    return state_of(device, session_.engine());
  }
  bool open(Address device) override;
  void close(Address device) override;

  // The target.
  Control pause(bool paused) override;
  Control kill() override;
  bool kill_loses_cache() const override { return true; }
  Control set_disk_faults(const std::optional<DiskFaults>& faults) override;
  Control read_store(std::uint64_t offset, MutableBytes into) override;

 private:
  class Port;

  /// Starts both ends, on the first call that needs them: so faults can be armed before.
  void begin();
  /// Takes a frame from an end through its guise to the link.
  void leave_end(Direction direction, Bytes frame);
  void enter(Direction direction, Bytes frame, Origin origin);
  /// Takes what the ports sent to the link.
  void collect(Direction direction, std::span<const Outgoing> frames);
  /// The next arrival; null while nothing is on its way.
  const Held* next_arrival() const;
  Held take_next_arrival();
  void deliver(Held&& arrival);
  void reach_end(Direction direction, Bytes frame);
  // Of the mutant.
  bool is_mutants(Direction outward) const { return mutant_ && outward == mutant_outward_; }
  void to_link(Bytes frame) override { leave_end(mutant_outward_, frame); }
  void to_end(Bytes frame) override { reach_end(opposite(mutant_outward_), frame); }
  static Direction opposite(Direction direction) {
    return direction == Direction::to_target ? Direction::to_initiator : Direction::to_target;
  }
  Port& port(End end) const { return *(end == End::initiator ? initiator_port_ : target_port_); }

  FaultStage& stage_;
  Exchanges& exchanges_;
  const Duration one_way_;
  const bool plays_initiator_;  // else it is not there
  const Direction mutant_outward_;
  const std::unique_ptr<Mutant> mutant_;  // null: both ends are what they are
  const std::unique_ptr<Guise> guise_;    // null: the target seems to be what it is
  Instant now_ = origin;
  std::vector<Held> on_time_;  // what no fault holds back: in order, from on_time_begin_ on
  std::size_t on_time_begin_ = 0;
  std::vector<Held> late_;  // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::vector<Delivery> entering_;
  std::vector<std::uint8_t> joined_;  // a frame in one piece

  std::unique_ptr<Port> initiator_port_;
  std::unique_ptr<Port> target_port_;
  initiator::Session session_;
  std::optional<initiator::PortId> session_port_;  // since the beginning
  EngineTarget target_;
  bool paused_ = false;  // the target: what arrives waits
  std::deque<std::vector<std::uint8_t>> waiting_;
  unsigned users_ = 0;  // of the device
};

}  // namespace aoe::harness
