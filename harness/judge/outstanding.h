// How many requests wait for their answers at once, in a span of a run: what a window is about.
//
// Seen at the initiator's side, in the ledger alone: a request is outstanding from when it is sent
// until an answer to it arrives, or until it is sent again. What is never answered is lost, and is
// outstanding until its timeout is over, where timeouts are known; else it does not count, for
// nobody can tell when its sender gave it up.
#pragma once

#include <optional>

#include "harness/link/ledger.h"

namespace aoe::harness {

struct Outstanding {
  std::uint64_t most = 0;
  FrameId frame = 0;  // the request that made it so many, where there was one
};

/// The most at any time in [from, until). `slack`: how far off the times of known timeouts may be.
Outstanding most_outstanding(const Ledger& ledger, Instant from, Instant until,
                             std::optional<Duration> slack);

}  // namespace aoe::harness
