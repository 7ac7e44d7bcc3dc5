// What an implementation must have for a scenario, by the words of `requires`, of `cannot` and of the
// probe.
//
// So what it lacks is UNSUPPORTED in every case that would use it, and fails only where the case is
// about that very thing. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "harness/language/implementation.h"
#include "harness/language/scenario.h"

namespace aoe::harness {

/// Returns the words there are for `requires` and, beside the faults, for `cannot`.
const std::set<std::string>& ability_words();

/// "flush-ext", "mask": what the scenario requires, and what its frames use of which none of its
/// clauses demands that it is there.
std::set<std::string> abilities_needed(const Scenario& scenario);

/// Returns what the implementation lacks of that, and why: what its description says under `cannot`,
/// and what that does not take, such as {deadsecs}.
std::map<std::string, std::string> abilities_lacking(const Implementation& implementation);

}  // namespace aoe::harness
