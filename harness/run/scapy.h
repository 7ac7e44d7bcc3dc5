// A `scapy` step at work: a Python program beside the initiator, and what it has to say.
//
// It is given the surroundings as JSON in its first argument, and tells its results, a JSON object
// a line, in a file named there; scenarios/scapy/aoe_scenario.py is its side of that.
#pragma once

#include <string>
#include <vector>

#include "harness/language/scenario.h"
#include "harness/world/world.h"

namespace aoe::harness {

struct ScapyResult {
  bool passed = false;                // it said so, and ended well
  std::string unsupported;            // what there is none of here
  std::vector<std::string> failures;  // as the script tells them, or how it ended
  std::vector<std::string> measured;  // "odd frames 200"
};

/// Lets the world's time pass until the program has ended.
ScapyResult run_scapy(const ScapyStep& step, const Scenario& scenario, World& world);

}  // namespace aoe::harness
