// A world: an initiator and a target with a fault stage between them, and the time they live in.
//
// A scenario runs the same in each. `sim` joins the engines in memory and its clock jumps from one
// event to the next; `veth` joins aoe-target, a process of its own, over real interfaces in
// namespaces of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "harness/link/fault_stage.h"
#include "harness/scenario/scenario.h"
#include "initiator/engine.h"

namespace aoe::harness {

class World {
 public:
  using Done = std::function<void(const initiator::Completion&)>;

  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  virtual Instant now() const = 0;
  /// How far off the times of this world may be for reasons that are nobody's fault.
  virtual Duration slack() const = 0;
  /// Why nothing more can come of this world: "aoe-target was killed by signal 9 (Killed)". Empty
  /// while it lasts.
  virtual std::string broken() const = 0;
  /// Frames that were lost on the way and that no fault struck.
  virtual std::uint64_t frames_lost() const = 0;
  /// Lets time pass until `done()` holds, but not beyond `deadline`; what happens at that very
  /// instant still counts. Asks `done` after everything that happens. Returns whether it holds.
  virtual bool run_until(const std::function<bool()>& done, Instant deadline) = 0;

  virtual void discover(Address whom) = 0;
  /// `done` is called exactly once, perhaps from within.
  virtual void submit(const initiator::IoRequest& request, Done done) = 0;
  virtual const initiator::Engine& engine() const = 0;

  /// The target's interface takes a new address, and the target does what it does then.
  virtual void change_target_mac(const Mac& mac) = 0;
  /// What the target's store holds, read past the target.
  virtual void read_store(std::uint64_t offset, MutableBytes into) = 0;

  virtual FaultStage& stage() = 0;
};

}  // namespace aoe::harness
