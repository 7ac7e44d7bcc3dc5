// What `expect` waits for and judges, word by word: the executor of language/expect_step.h.
#pragma once

#include "harness/run/run_state.h"

namespace aoe::harness {

/// Judges all that the step expects, in the order in which it can happen, up to the first failure.
/// What is unsupported is the result where nothing fails.
StepResult play(RunState& run, const ExpectStep& step);

/// Waits for the answer to a raw frame and judges it; the query steps end with it.
StepResult expect(RunState& run, const ExpectReply& reply);

}  // namespace aoe::harness
