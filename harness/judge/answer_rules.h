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

/// How a reply to `request` breaks the first of these clauses that it breaks. Clauses that are not
/// of this kind allow everything.
std::optional<Mismatch> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                           Bytes reply, const Answerer& answerer);

}  // namespace aoe::harness
