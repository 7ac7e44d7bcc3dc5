#include "harness/judge/coverage.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::harness {

std::string_view text(ClauseVerdict verdict) {
  switch (verdict) {
    case ClauseVerdict::kept: return text(Outcome::passed);
    case ClauseVerdict::broken: return text(Outcome::failed);
    case ClauseVerdict::known_broken: return text(Outcome::expected_failure);
    case ClauseVerdict::doubtful: return text(Outcome::inconclusive);
    case ClauseVerdict::unsupported: return text(Outcome::unsupported);
    case ClauseVerdict::untested: return "untested";
  }
  AOE_CHECK(false && "a verdict without a word");
}

ClauseVerdict verdict_of(const Counts& cases) {
  const auto of = [&](Outcome outcome) { return cases[static_cast<std::size_t>(outcome)]; };
  if (of(Outcome::failed) > 0) return ClauseVerdict::broken;
  if (of(Outcome::expected_failure) > 0) return ClauseVerdict::known_broken;
  if (of(Outcome::flaky) > 0) return ClauseVerdict::doubtful;
  if (of(Outcome::passed) + of(Outcome::unexpected_pass) > 0) return ClauseVerdict::kept;
  if (of(Outcome::inconclusive) + of(Outcome::broken) > 0) return ClauseVerdict::doubtful;
  return of(Outcome::unsupported) > 0 ? ClauseVerdict::unsupported : ClauseVerdict::untested;
}

std::size_t LevelTally::clauses() const {
  return std::accumulate(verdicts.begin(), verdicts.end(), std::size_t{0});
}

const ClauseCoverage* Coverage::find(std::string_view id) const {
  const auto found = std::ranges::find(
      clauses, id, [](const ClauseCoverage& coverage) { return coverage.clause->id; });
  return found == clauses.end() ? nullptr : &*found;
}

std::vector<const ClauseCoverage*> Coverage::of_section(std::string_view section) const {
  std::vector<const ClauseCoverage*> of;
  for (const ClauseCoverage& coverage : clauses) {
    if (coverage.clause->section == section) of.push_back(&coverage);
  }
  return of;
}

std::vector<LevelTally> Coverage::levels() const {
  std::vector<LevelTally> tallies;
  for (const Level level : {Level::must, Level::should, Level::profile, Level::info}) {
    LevelTally tally{.level = level};
    for (const ClauseCoverage& coverage : clauses) {
      if (coverage.clause->level == level)
        ++tally.verdicts[static_cast<std::size_t>(coverage.verdict)];
    }
    if (tally.clauses() > 0) tallies.push_back(tally);
  }
  return tallies;
}

bool binds(const Clause& clause, std::string_view end) {
  return clause.binds == Clause::Binds::both || text(clause.binds) == end;
}

Coverage coverage_of(const RunRecord& run, const ClauseCatalogue& catalogue) {
  Coverage coverage;
  for (const Clause& clause : catalogue.clauses) {
    ClauseCoverage of{.clause = &clause};
    for (std::size_t i = 0; i < run.cases.size(); ++i) {
      if (std::ranges::find(run.cases[i].clauses, clause.id) == run.cases[i].clauses.end())
        continue;
      of.cases.push_back(i);
      ++of.counts[static_cast<std::size_t>(run.cases[i].outcome)];
    }
    of.verdict = verdict_of(of.counts);
    const bool is_asked = run.suite.empty() ? !of.cases.empty() : binds(clause, run.suite);
    if (is_asked) coverage.clauses.push_back(std::move(of));
  }
  return coverage;
}

std::string describe(const LevelTally& tally) {
  std::string level(text(tally.level));
  std::ranges::transform(level, level.begin(), [](char c) { return static_cast<char>(c & ~0x20); });
  std::string words =
      fmt::format("{} {} of {} kept", level, tally.of(ClauseVerdict::kept), tally.clauses());
  const auto add = [&](ClauseVerdict verdict, std::string_view what) {
    if (tally.of(verdict) > 0) words += fmt::format(", {} {}", tally.of(verdict), what);
  };
  add(ClauseVerdict::broken, "broken");
  add(ClauseVerdict::known_broken, "broken as known");
  add(ClauseVerdict::doubtful, "in doubt");
  add(ClauseVerdict::unsupported, "unsupported");
  add(ClauseVerdict::untested, "untested");
  return words;
}

std::string describe(const std::vector<LevelTally>& levels) {
  std::string words;
  for (const LevelTally& tally : levels) words += (words.empty() ? "" : "; ") + describe(tally);
  return words;
}

std::string describe(const ClauseCoverage& coverage) {
  if (coverage.cases.empty())
    return coverage.clause->untested.empty() ? "no case" : coverage.clause->untested;
  return describe(coverage.counts);
}

std::string every_answer_case(std::string_view clause) {
  return fmt::format("target-every-answer[clause={}]", clause);
}

bool is_made_of_others(std::string_view id) {
  return id.starts_with("target-every-answer[") || id.starts_with("target-unanswered[");
}

}  // namespace aoe::harness
