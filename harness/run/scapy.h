// Plays a `scapy` step: a Python program beside the initiator, and its results.
//
// The program gets its surroundings as JSON in its first argument and writes its results, a JSON
// object a line, to a file named there; scenarios/scapy/aoe_scenario.py is its side of that.
#pragma once

#include <string>
#include <vector>

#include "harness/language/scenario.h"
#include "harness/world/world.h"

namespace aoe::harness {

struct ScapyResult {
  bool passed = false;                // as the program says, and it ended well
  std::string unsupported;            // what it needs and is not there; empty: nothing
  std::vector<std::string> failures;  // as the script reports them, or how it ended
  std::vector<std::string> measured;  // "odd frames 200"
};

/// Starts the program and lets the world's time pass until it has ended.
ScapyResult run_scapy(const ScapyStep& step, const Scenario& scenario, World& world);

}  // namespace aoe::harness
