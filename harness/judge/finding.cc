#include "harness/judge/finding.h"

#include <utility>

#include "harness/language/clauses.h"

namespace aoe::harness {

Finding make_finding(RuleName rule, std::string actual, std::vector<FrameId> frames,
                     std::string_view clause) {
  return {.rule = std::string(rule->name),
          .clause = std::string(clause.empty() ? rule->clause : clause),
          .actual = std::move(actual),
          .frames = std::move(frames),
          .certain = true};
}

Level level_of(const Finding& finding) {
  const RuleRow* const rule = find_rule(finding.rule);
  if (rule != nullptr && rule->level) return *rule->level;
  const Clause* const clause = clause_catalogue().find(finding.clause);
  return clause == nullptr ? Level::info : clause->level;
}

}  // namespace aoe::harness
