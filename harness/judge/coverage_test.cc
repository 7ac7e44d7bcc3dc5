#include "harness/judge/coverage.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

constexpr std::string_view catalogue_text = R"(
sections: {"2": Frames, profile: Traits}
clauses:
- {id: 2/1, binds: target, level: must, rule: r1}
- {id: 2/2, binds: initiator, level: must, rule: r2}
- {id: 2/3, binds: both, level: should, rule: r3}
- {id: profile/x, binds: target, level: profile, rule: r4, untested: nobody can tell}
)";

const ClauseCatalogue& catalogue() {
  static const ClauseCatalogue parsed = parse_clauses(std::string(catalogue_text), "c").value();
  return parsed;
}

CaseRecord case_that_was(Outcome outcome, std::vector<std::string> clauses) {
  CaseRecord record;
  record.outcome = outcome;
  record.clauses = std::move(clauses);
  return record;
}

RunRecord run_of(const std::string& suite, std::vector<CaseRecord> cases) {
  RunRecord run;
  run.suite = suite;
  run.cases = std::move(cases);
  return run;
}

/// "2/1 PASS, 2/3 untested"
std::string verdicts(const RunRecord& run) {
  std::string text;
  for (const ClauseCoverage& clause : coverage_of(run, catalogue()).clauses)
    text += (text.empty() ? "" : ", ") + clause.clause->id + " " +
            std::string(harness::text(clause.verdict));
  return text;
}

/// Of a clause with one case of each of these outcomes.
std::string_view verdict(const std::vector<Outcome>& outcomes_of_cases) {
  Counts counts{};
  for (const Outcome outcome : outcomes_of_cases) ++counts[static_cast<std::size_t>(outcome)];
  return text(verdict_of(counts));
}

TEST(ClauseVerdict, OneFailureBreaksAClauseWhateverElsePassed) {
  EXPECT_EQ(verdict({Outcome::passed, Outcome::failed}), "FAIL");
  EXPECT_EQ(verdict({Outcome::failed, Outcome::expected_failure, Outcome::flaky}), "FAIL");
  EXPECT_EQ(verdict({Outcome::passed, Outcome::expected_failure}), "XFAIL");
}

TEST(ClauseVerdict, APassKeepsItUnlessSomethingFailed) {
  EXPECT_EQ(verdict({Outcome::passed}), "PASS");
  EXPECT_EQ(verdict({Outcome::passed, Outcome::unsupported, Outcome::inconclusive}), "PASS");
  EXPECT_EQ(verdict({Outcome::unexpected_pass}), "PASS");
}

TEST(ClauseVerdict, WhatPassedInSomeTriesOnlyOrCouldNotBeToldIsNoPass) {
  EXPECT_EQ(verdict({Outcome::passed, Outcome::flaky}), "INCONCLUSIVE");
  EXPECT_EQ(verdict({Outcome::unsupported, Outcome::inconclusive}), "INCONCLUSIVE");
  EXPECT_EQ(verdict({Outcome::broken}), "INCONCLUSIVE");
  EXPECT_EQ(verdict({Outcome::unsupported}), "UNSUPPORTED");
  EXPECT_EQ(verdict({}), "untested");
}

TEST(Coverage, ASuiteIsAboutAllClausesThatBindItsEnd) {
  const std::vector<CaseRecord> cases{case_that_was(Outcome::passed, {"2/1", "2/2"}),
                                      case_that_was(Outcome::failed, {"2/2"})};
  EXPECT_EQ(verdicts(run_of("target", cases)), "2/1 PASS, 2/3 untested, profile/x untested");
  EXPECT_EQ(verdicts(run_of("initiator", cases)), "2/2 FAIL, 2/3 untested");
}

TEST(Coverage, AnyOtherRunIsAboutThoseThatItCites) {
  const auto run = run_of("", {case_that_was(Outcome::passed, {"2/3", "9/9"})});
  EXPECT_EQ(verdicts(run), "2/3 PASS") << "what is not in the catalogue is no clause";
}

TEST(Coverage, AClauseLeadsToItsCases) {
  const auto run = run_of(
      "target", {case_that_was(Outcome::passed, {"2/1"}), case_that_was(Outcome::passed, {"2/3"}),
                 case_that_was(Outcome::failed, {"2/1", "2/3"})});
  const Coverage coverage = coverage_of(run, catalogue());
  ASSERT_NE(coverage.find("2/1"), nullptr);
  EXPECT_EQ(coverage.find("2/1")->cases, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(describe(*coverage.find("2/1")), "1 passed, 1 failed");
  EXPECT_EQ(describe(*coverage.find("profile/x")), "nobody can tell");
  EXPECT_EQ(coverage.find("2/2"), nullptr);
  EXPECT_EQ(coverage.of_section("2").size(), 2U);
  EXPECT_EQ(coverage.of_section("profile").size(), 1U);
}

TEST(Coverage, EachLevelHasItsVerdict) {
  const auto run = run_of(
      "target", {case_that_was(Outcome::failed, {"2/1"}), case_that_was(Outcome::passed, {"2/3"})});
  EXPECT_EQ(describe(coverage_of(run, catalogue()).levels()),
            "MUST 0 of 1 kept, 1 broken; SHOULD 1 of 1 kept; PROFILE 0 of 1 kept, 1 untested");
  EXPECT_EQ(describe(coverage_of(RunRecord{}, catalogue()).levels()), "");
  LevelTally tally{Level::must, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(
      describe(tally),
      "MUST 1 of 21 kept, 2 broken, 3 broken as known, 4 in doubt, 5 unsupported, 6 untested");
}

}  // namespace
}  // namespace aoe::harness
