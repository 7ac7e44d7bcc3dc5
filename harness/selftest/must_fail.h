// Scenarios that have to fail, for one of their ends is wrong on purpose: they show that what is
// wrong is found, and told in these words.
#pragma once

#include <string>

#include "harness/run/runner.h"

namespace aoe::harness {

/// Is the text this pattern? Where the pattern has an n for the number of a frame or sector, or a t
/// for a tag, the text has any: "#n (e1.1 READ EXT lba 4+2 tag t)", "sector n holds zeros".
bool says(const std::string& text, const std::string& pattern);

/// Where the scenario says must-fail: it passes if one of its failures says that, and fails
/// otherwise. Else nothing changes.
void judge_must_fail(const Scenario& scenario, Verdict& verdict);

}  // namespace aoe::harness
