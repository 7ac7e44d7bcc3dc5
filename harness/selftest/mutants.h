// All mutants: ends of the sim world that are wrong on purpose, each in one way, to prove that the
// harness finds it.
//
// One table, a row each: at which end, what it breaks, its name, and what it does (row_mutant.h).
// What a row breaks is a clause of AoEr11, as narrowly as can be: then the scenarios that cite the
// clause find it, and at a target no others do. Or it is a check of `always` or a word of `expect`:
// then a scenario of scenarios/selftest says what is found.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/scenario.h"
#include "harness/selftest/row_mutant.h"

namespace aoe::harness {

std::span<const MutantRow> mutant_table();

/// Returns what makes the mutant of a scenario, empty where it has none. It must be a known one.
MakeMutant mutant_of(const Scenario& scenario);

/// Returns the scenarios, if all their mutants are known. The error is one line: "x.yaml:4:52:
/// behave: expected one of …".
tl::expected<std::vector<Scenario>, std::string> with_known_mutants(
    std::vector<Scenario> scenarios);
tl::expected<Scenario, std::string> with_known_mutant(Scenario scenario);

}  // namespace aoe::harness
