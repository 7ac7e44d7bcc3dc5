// Plays a `scapy` step: a Python program beside the initiator, and its results.
//
// The program gets its surroundings as JSON in its first argument and writes its results, a JSON
// object a line, to a file named there; scenarios/scapy/aoe_scenario.py is its side of that.
#pragma once

#include "harness/run/run_state.h"

namespace aoe::harness {

/// Starts the program, lets the world's time pass until it has ended, and judges what it reports.
StepResult play(RunState& run, const ScapyStep& step);

}  // namespace aoe::harness
