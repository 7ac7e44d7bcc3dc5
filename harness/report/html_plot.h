// The plot of a case: what was outstanding, what the window and the RTO were, what struck when, and
// when something was due, on one axis of time.
#pragma once

#include <string>

#include "harness/report/record.h"

namespace aoe::harness {

/// An SVG of the time between two instants of the run; empty where nothing was recorded. Its
/// classes are coloured by the page's style.
std::string plot(const CaseRecord& record, Duration from, Duration until);

}  // namespace aoe::harness
