// The failures of a run by clause and cause: what a reader sees first. A target that gets one thing
// wrong fails many cases, and they are one group.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/record.h"

namespace aoe::harness {

struct FailureGroup {
  std::string clause;  // the one that is broken; empty: none, or the cases came to no verdict
  /// In words, without numbers of frames: "ata.status: expected DRDY (0x40), got 0x00"; without what
  /// came instead where that differs from case to case.
  std::string cause;
  Outcome outcome{};               // of all its cases
  std::vector<std::size_t> cases;  // by their place in the run
};

/// Groups the cases that need a story (text.h), in this order: unexpected outcomes before expected
/// failures, and clauses in the order of the catalogue. A case is in one group: its first failure's.
std::vector<FailureGroup> group_failures(const RunRecord& run);

}  // namespace aoe::harness
