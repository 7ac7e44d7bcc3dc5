// What AoEr11 asks of every reply, whatever the request was. A scenario that cites the clause of
// such a rule has it judged in the replies that it expects; run/every_answer.h judges all rules in
// all replies of a case.
//
// So a target that gets one field of all its replies wrong fails the scenarios about that field,
// and not all scenarios. Pure.
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
  std::span<const Lun> luns{};  // all that it has; none: that one
};

/// How a reply to `request` breaks each clause of this kind that it breaks.
std::vector<Mismatch> broken_answer_rules(Bytes request, Bytes reply, const Answerer& answerer);
/// How it breaks the first of these clauses that it breaks. Clauses that are not of this kind allow
/// everything.
std::optional<Mismatch> broken_answer_rule(std::span<const std::string> clauses, Bytes request,
                                           Bytes reply, const Answerer& answerer);

}  // namespace aoe::harness
