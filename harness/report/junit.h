// A run as JUnit XML, for CI servers: valid to the schemas of Jenkins, Surefire and Ant alike.
//
// Those agree on little: a case has one result at most and no properties or output of its own, so
// what explains a failure (expectation, ladder, log, the command that repeats it) is its text.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// One suite; a case's class is its scenario's path ("scenarios.loss"), its name is its id. What is
/// neither pass nor failure is a skip with the reason.
std::string to_junit(const RunRecord& run);
/// A suite for each of several.
std::string to_junit(const std::vector<const RunRecord*>& runs);

}  // namespace aoe::harness
