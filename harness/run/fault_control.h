// Arms and heals the faults of a run: those of frames at the world's fault stage, those of an end
// through the world itself.
//
// Owned by a runner, for one run. Healing undoes what can be undone: a carrier is back, an MTU is
// what it was, the target goes on or is started again, its disk is whole. A MAC address stays.
#pragma once

#include <map>
#include <string>

#include "harness/world/world.h"

namespace aoe::harness {

class FaultControl {
 public:
  FaultControl(World& world, const Scenario& scenario)
      : world_(world), network_(scenario.network) {}

  /// Arms the fault, unless this world can't.
  Control arm(const FaultSpec& spec);
  /// Heals the fault if it is armed.
  void heal(const std::string& id);
  void heal_all();

  /// Returns when tick() has something to do: to start a target again that was killed.
  Instant deadline() const;
  void tick();

 private:
  struct Switch;

  void restart(NodeIndex target);

  World& world_;
  const Network network_;
  std::map<std::string, FaultSpec> ends_;      // the armed faults of an end, by id
  std::map<NodeIndex, Instant> restarts_due_;  // of targets that were killed
};

}  // namespace aoe::harness
