// Scenarios that must fail, because one of their ends is wrong on purpose: they prove that the
// harness finds the fault, and reports it in these words. Called by run_case.
#pragma once

#include <string>

#include "harness/run/runner.h"

namespace aoe::harness {

/// Returns whether the text matches the pattern. An n in place of a frame's or sector's number, and
/// a t in place of a tag, match any: "#n (e1.1 READ EXT lba 4+2 tag t)", "sector n holds zeros".
bool says(const std::string& text, const std::string& pattern);

/// Turns the verdict of a scenario with must-fail around: it passes if one of its failures says
/// that, and fails otherwise. Changes no other verdict.
void judge_must_fail(const Scenario& scenario, Verdict& verdict);

}  // namespace aoe::harness
