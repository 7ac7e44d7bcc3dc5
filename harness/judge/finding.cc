#include "harness/judge/finding.h"

#include <algorithm>
#include <set>
#include <utility>

#include "harness/language/clauses.h"

namespace aoe::harness {
namespace {

constexpr FrameId frames_shown = 12;
constexpr std::size_t guilty_shown = 12;

}  // namespace

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

std::vector<LadderLine> ladder_of(const Ledger& ledger, const std::vector<FrameId>& guilty) {
  if (ledger.size() == 0) return {};
  const FrameId last = guilty.empty() ? ledger.size() - 1 : std::ranges::max(guilty);
  std::set<FrameId> shown(guilty.begin(), guilty.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               guilty.size(), guilty_shown)));
  for (FrameId id = last + 1 > frames_shown ? last + 1 - frames_shown : 0; id <= last; ++id) {
    shown.insert(id);
  }
  std::vector<LadderLine> ladder;
  for (const FrameId id : shown) {
    const LedgerEntry& entry = ledger[id];
    LadderLine& line = ladder.emplace_back();
    line.at = entry.sent - ledger.origin();
    line.frame = id;
    line.to_target = entry.direction == Direction::to_target;
    line.what = ledger.summary(id);
    line.fate = ledger.fate(id);
    line.struck = entry.dropped_by != 0 || entry.struck_by != 0;
    line.guilty = std::ranges::find(guilty, id) != guilty.end();
    line.gap_before = ladder.size() > 1 && ladder[ladder.size() - 2].frame + 1 != id;
  }
  return ladder;
}

}  // namespace aoe::harness
