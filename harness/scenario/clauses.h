// The clauses that scenarios name, in our own words: sections of AoEr11, and traits of one
// implementation (profile/…), which no standard demands.
#pragma once

#include <string_view>

namespace aoe::harness {

/// What the clause asks for, in a sentence or two; empty for one that is not known here.
std::string_view clause_text(std::string_view clause);

}  // namespace aoe::harness
