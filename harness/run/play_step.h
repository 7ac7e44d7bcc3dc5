// What each step of a scenario does in a world: the executor of language/steps.h.
#pragma once

#include "harness/run/run_state.h"

namespace aoe::harness {

/// Plays one step to its end. Called by play_scenario() for each step in turn.
StepResult play_step(RunState& run, const Step& step);

}  // namespace aoe::harness
