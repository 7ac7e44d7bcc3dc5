// How many requests wait for their answers at once in a span of a run, for checks of the window.
//
// Computed from the ledger alone, as seen at the initiator's side: a request is outstanding from
// when it is sent until an answer to it arrives, or until it is sent again. A request that is never
// answered is outstanding until its timeout is over if timeouts are known; else it doesn't count,
// because only its sender knows when it gave it up.
#pragma once

#include <optional>

#include "harness/link/ledger.h"

namespace aoe::harness {

struct Outstanding {
  std::uint64_t most = 0;
  FrameId frame = 0;  // the request that made it so many, if `most` is not 0
};

/// The most of an initiator's at any time in [from, until). `slack`: the error of known timeouts;
/// none: they are not known.
Outstanding most_outstanding(const Ledger& ledger, NodeIndex client, Instant from, Instant until,
                             std::optional<Duration> slack);

}  // namespace aoe::harness
