// What AoEr11 asks of every answer, whatever was asked: rules that a scenario has judged in all its
// raw exchanges by citing their clauses.
//
// So a target that gets one field of all its answers wrong fails the scenarios that are about that
// field, and not all that there are. Pure; called by run/runner.h for each answer that it judges.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/run/raw_exchange.h"

namespace aoe::harness {

/// The clauses of such rules: "2/1".
std::vector<std::string_view> answer_rules();

/// What an answer does that one of these clauses forbids: "the reserved flags: expected 0, got 1
/// (2/5)". Clauses that are not of this kind allow everything.
std::optional<std::string> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                              Bytes answer, const RawDefaults& defaults);

}  // namespace aoe::harness
