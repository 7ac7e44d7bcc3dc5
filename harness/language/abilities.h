// What a target must have for a scenario's frames, by the words of `requires` and of the probe.
//
// So what a target lacks is UNSUPPORTED in every case that would use it, and fails only where the
// case is about that very thing. Pure.
#pragma once

#include <set>
#include <string>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// "flush-ext", "mask": what the scenario requires, and what its frames use of which none of its
/// clauses demands that it is there.
std::set<std::string> abilities_needed(const Scenario& scenario);

}  // namespace aoe::harness
