// What the plot of a case shows, computed from its ledger when the run is over.
#pragma once

#include "harness/judge/exchanges.h"
#include "harness/judge/record.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

/// Fills in the samples (thinned out to samples_max), the incidents (at most incidents_max, spread
/// over the run) and the number of frames that were struck.
///
/// A request is outstanding from its first transmission to its first answer; one that is neither
/// answered nor sent again, until its timeout.
void draw_timeline(const Ledger& ledger, const Exchanges& exchanges, CaseRecord& record);

}  // namespace aoe::harness
