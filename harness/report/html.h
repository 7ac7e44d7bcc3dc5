// A run as one HTML file that tells someone who was not there what happened.
//
// It holds all it needs, and its policy forbids it to fetch anything: it can be mailed, archived
// and opened where there is no network. All can be read without scripts; they filter and copy.
#pragma once

#include <string>

#include "harness/judge/record.h"

namespace aoe::harness {

/// `earlier`: a run to compare outcomes and times with; null: none.
std::string to_html(const RunRecord& run, const RunRecord* earlier = nullptr);

}  // namespace aoe::harness
