// Scenarios as text for people: lists of scenarios, and one scenario in words.
#pragma once

#include <string>
#include <vector>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// Returns a line per scenario: id, level, clauses, title.
std::string list_text(const std::vector<Scenario>& scenarios);
/// Returns an array of objects: id, scenario, title, level, clauses, tags, worlds, requires, file, line.
std::string list_json(const std::vector<Scenario>& scenarios);

/// Returns the title, the clauses with their rules, the steps in words, and a ladder of the frames
/// between the two ends.
std::string explain(const Scenario& scenario);

}  // namespace aoe::harness
