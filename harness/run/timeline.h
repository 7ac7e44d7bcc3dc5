// What the plot of a case shows, computed from its ledger when the run is over.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/judge/exchanges.h"
#include "harness/judge/record.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

struct Timeline {
  std::vector<Sample> samples;      // a change each, thinned out to samples_max
  std::vector<Incident> incidents;  // at most incidents_max, spread over the run
  std::uint64_t struck = 0;         // frames that faults struck
};

/// A request is outstanding from its first transmission to its first answer; one that is neither
/// answered nor sent again, until its timeout.
Timeline timeline_of(const Ledger& ledger, const Exchanges& exchanges);

}  // namespace aoe::harness
