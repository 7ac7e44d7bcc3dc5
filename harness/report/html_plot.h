// Plots over time. Of a case: what was outstanding, what the window and the RTO were, what struck
// when, and when something was due, on one axis. Of a capture: how long answers took.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// An SVG of the time between two instants of the run; empty where nothing was recorded. Its
/// classes are coloured by the page's style.
std::string plot(const CaseRecord& record, Duration from, Duration until);

/// A request's answer, and how long it took.
struct RoundTrip {
  Duration at{};
  Duration took{};
};
/// The same of round trips, each a dot, by powers of ten; empty where there are none.
std::string plot_round_trips(const std::vector<RoundTrip>& trips, Duration from, Duration until);

}  // namespace aoe::harness
