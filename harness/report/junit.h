// A run as JUnit XML, for CI servers: valid to the schemas of Jenkins, Surefire and Ant alike.
//
// These agree on little: a case has at most one result, and no properties or output of its own. So
// the text of a failure holds all that explains it: expectation, ladder, log and the command that
// reproduces it.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Returns one suite. A case's class is its scenario's path ("scenarios.loss"), its name is its id.
/// A case that neither passed nor failed is a skip with the reason.
std::string to_junit(const RunRecord& run);
/// Returns a suite for each run.
std::string to_junit(const std::vector<const RunRecord*>& runs);

}  // namespace aoe::harness
