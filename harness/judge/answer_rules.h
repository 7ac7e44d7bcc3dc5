// What AoEr11 asks of every reply, whatever the request was: rules that a scenario has judged in
// all its raw exchanges by citing their clauses.
//
// So a target that gets one field of all its replies wrong fails the scenarios about that field,
// and not all scenarios. Pure; called by the runner for each reply that it judges.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "harness/judge/reply_comparison.h"
#include "proto/address.h"

namespace aoe::harness {

/// Who must answer.
struct Answerer {
  Mac mac{};  // a group address: where any target may answer
  Address address{};
  std::uint8_t luns = 1;  // which it has, from that slot on
};

/// The clauses of such rules: "2/1".
std::vector<std::string_view> answer_rules();

struct BrokenRule {
  std::string_view clause;
  Mismatch mismatch;
};
/// "the reserved flags: expected 0, got 1 (2/5)".
std::string describe(const BrokenRule& broken);

/// The first of these clauses that a reply to `request` breaks. Clauses that are not of this kind
/// allow everything.
std::optional<BrokenRule> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                             Bytes reply, const Answerer& answerer);

}  // namespace aoe::harness
