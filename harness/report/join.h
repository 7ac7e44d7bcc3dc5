// The parts of one run that several machines played (--shard), as the run that one machine would
// have made.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/judge/record.h"

namespace aoe::harness {

struct RunPart {
  std::string path;  // as the user gave it: errors name it
  RunRecord run;
};

/// Returns a run with the cases of all parts, in the order that they would have had. It took as
/// long as the longest part, and began with the first. A case of what is judged in every
/// answer (coverage.h) sums up others of its part: those of several parts, each repeated by another
/// command, become one case with the failures of all. Precondition: there is a part. One part alone
/// stays a part. Error: "b: its seed is 8, that of a is 7 (give each part the same --seed)", "b: it
/// is part 1/3, and so is a", "of the run's 3 parts 2 are given; lacking: 3/3 (play it with --shard
/// 3/3 --seed 7)", "b: case 'reads' is in a, too".
tl::expected<RunRecord, std::string> join(std::vector<RunPart> parts);

}  // namespace aoe::harness
