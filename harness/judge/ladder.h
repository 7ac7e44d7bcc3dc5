// The frames that a failure is about, with those that led to them.
#pragma once

#include <vector>

#include "harness/judge/record.h"
#include "harness/link/ledger.h"

namespace aoe::harness {

/// The frames `guilty`, and the last few up to the last of them; where nobody in particular is
/// guilty, the last few of all.
std::vector<LadderLine> ladder_of(const Ledger& ledger, const std::vector<FrameId>& guilty);

}  // namespace aoe::harness
