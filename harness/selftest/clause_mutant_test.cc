#include "harness/selftest/clause_mutant.h"

#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "harness/language/clauses.h"
#include "harness/run/runner.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// All variants of all scenarios about targets, in one order everywhere.
const std::vector<Scenario>& target_suite() {
  static const std::vector<Scenario> all = suite_in("target");
  return all;
}

/// What came of it: "passed", or the outcome and the first failure.
std::string play(Scenario scenario, std::string_view mutant) {
  if (!mutant.empty()) scenario.mutant = MutantSpec{true, std::string(mutant)};
  Ledger ledger(SimWorld::origin);
  Exchanges exchanges(ledger, scenario.target.buffers, scenario.given.profile);
  const std::uint64_t seed = scenario.seed.value_or(1);
  FaultStage stage(ledger, exchanges, {}, seed);
  SimWorld world(scenario, stage, exchanges, seed);
  const Verdict verdict = Runner(scenario, world, ledger, exchanges, seed).run();
  if (verdict.outcome == Outcome::passed) return "passed";
  if (verdict.failures.empty()) return "not played: " + verdict.reason;
  const Finding& first = verdict.failures.front();
  return fmt::format("line {}: expected {}, got {}", first.mark.line, first.expected, first.actual);
}

TEST(ClauseMutant, OurTargetPassesEveryScenario) {
  ASSERT_GE(target_suite().size(), 120U);
  for (const Scenario& scenario : target_suite()) {
    EXPECT_EQ(play(scenario, ""), "passed") << scenario.id;
  }
}

/// The proof of the suite: a target that breaks a clause fails each scenario that cites it, in some
/// variant, and no other scenario in any.
TEST(ClauseMutant, EachFailsTheScenariosThatCiteItsClauseAndNoOthers) {
  std::map<std::string_view, std::set<std::string>> unmoved;  // by clause: scenarios that cite it
  for (const ClauseMutant& mutant : clause_mutants()) {
    auto& names = unmoved[mutant.clause];
    for (const Scenario& scenario : target_suite()) {
      if (cites(scenario, mutant.clause)) names.insert(scenario.name);
    }
    EXPECT_FALSE(names.empty()) << mutant.clause << ": no scenario cites it";
  }
  for (const ClauseMutant& mutant : clause_mutants()) {
    bool found = false;
    for (const Scenario& scenario : target_suite()) {
      const std::string result = play(scenario, mutant.name);
      if (cites(scenario, mutant.clause)) {
        if (result == "passed") continue;
        found = true;
        unmoved[mutant.clause].erase(scenario.name);
      } else {
        EXPECT_EQ(result, "passed") << scenario.id << " does not cite " << mutant.clause
                                    << ", which a target breaks that " << mutant.name;
      }
    }
    EXPECT_TRUE(found) << mutant.name << " breaks " << mutant.clause << ", and nothing finds it";
  }
  for (const auto& [clause, names] : unmoved) {
    EXPECT_TRUE(names.empty()) << "no mutant of " << clause << " fails "
                               << fmt::format("{}", fmt::join(names, ", "));
  }
}

TEST(ClauseMutant, EveryClauseThatBindsATargetHasAScenarioAndAMutantOrAReason) {
  std::set<std::string, std::less<>> with_mutant;
  for (const ClauseMutant& mutant : clause_mutants()) with_mutant.emplace(mutant.clause);
  for (const Clause& clause : clause_catalogue().clauses) {
    if (clause.binds == Clause::Binds::initiator) continue;
    const bool cited = std::ranges::any_of(
        target_suite(), [&](const Scenario& scenario) { return cites(scenario, clause.id); });
    EXPECT_NE(cited, !clause.untested.empty()) << clause.id;
    EXPECT_EQ(cited, with_mutant.contains(clause.id)) << clause.id;
  }
}

}  // namespace
}  // namespace aoe::harness
