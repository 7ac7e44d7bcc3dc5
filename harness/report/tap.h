// A run in the Test Anything Protocol, version 14.
#pragma once

#include <string>

#include "harness/judge/record.h"

namespace aoe::harness {

/// What was unsupported or inconclusive is a SKIP. What is flaky, or expected to fail, is a TODO:
/// not ok, and no failure. A failure has its evidence as a YAML block.
std::string to_tap(const RunRecord& run);

}  // namespace aoe::harness
