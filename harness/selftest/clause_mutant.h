// Targets that break one clause of AoEr11 each, as narrowly as can be: the proof that the scenarios
// about that clause find it broken, and that no others speak of it.
//
// A table: what is done to a request before our target sees it, or to its answer. Where a clause
// has scenarios about several things, it has several mutants.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/selftest/mutant.h"

namespace aoe::harness {

struct ClauseMutant {
  std::string_view clause;  // of scenario/clauses.yaml
  std::string_view name;    // how it behaves: "answers-to-everybody"
};

/// All of them, by clause.
std::vector<ClauseMutant> clause_mutants();

/// One of these by its name; null where none has it.
std::unique_ptr<Mutant> make_clause_mutant(std::string_view name, Mutant::Sides& sides);

}  // namespace aoe::harness
