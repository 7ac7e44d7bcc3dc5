// Draws a network of a few nodes, and rounds of faults and loads for it.
//
// One to three segments; one to four initiators and one to three targets, each on some of these;
// each initiator uses all targets that it meets. The last target may stand by for the first: it has
// the same disks, and the two never serve at a time.
//
//   each device is up at each initiator · perhaps one reserves a device · arm some faults · loads,
//   also of several initiators on one device · perhaps a target is killed, or its standby takes over
//   · heal all · the loads end, well or not · the reservation is lifted · each device is up again
//
// Called by draw() (draw.h), which makes a scenario of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// All in YAML: the values of `network` and `nodes`, and steps.
struct DrawnNetwork {
  std::string network;
  std::string nodes;
  std::vector<std::string> steps;
};

DrawnNetwork draw_network(const ExploreSpec& spec, std::uint64_t seed);

}  // namespace aoe::harness
