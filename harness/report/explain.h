// Scenarios as people read them: lists of them, and one of them in words.
#pragma once

#include <string>
#include <vector>

#include "harness/language/scenario.h"

namespace aoe::harness {

/// A line each: id, level, clauses, title.
std::string list_text(const std::vector<Scenario>& scenarios);
/// An array of objects: id, scenario, title, level, clauses, tags, worlds, requires, file, line.
std::string list_json(const std::vector<Scenario>& scenarios);

/// Title, clauses with what they ask for, the steps in words, and a ladder of what passes between
/// the two ends.
std::string explain(const Scenario& scenario);

}  // namespace aoe::harness
