// Frames between two ends as a drawing: a row each, with an arrow for its way.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

/// A table of HTML; empty without lines. `dues`: windows whose edges are drawn among the frames.
std::string draw_ladder(const std::vector<LadderLine>& ladder,
                        const std::vector<const DueRecord*>& dues = {});

}  // namespace aoe::harness
