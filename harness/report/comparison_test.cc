#include "harness/report/comparison.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/judge/test_records.h"

namespace aoe::harness {
namespace {

CaseRecord outcome(const std::string& id, Outcome outcome, const std::string& clause = "2/3") {
  CaseRecord record;
  record.id = id;
  record.outcome = outcome;
  record.clauses = {clause};
  if (outcome == Outcome::failed)
    record.failures = {{"a.yaml:3", "reply", "", "ata.status", "DRDY", "0x00 (#7)", {}, {}}};
  return record;
}

RunRecord run_of(std::vector<CaseRecord> cases) {
  RunRecord run;
  run.sut = "vblade";
  run.sut_version = "25";
  run.world = "veth";
  run.seed = 1;
  run.started = "2026-11-22T16:40:00Z";
  run.suite = "target";
  run.cases = std::move(cases);
  return run;
}

/// "id change before now" of each.
std::string summary(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& one : differences) {
    text += one.id + " " + std::string(harness::text(one.change)) + " " + one.before + ">" +
            one.now + "; ";
  }
  return text;
}

TEST(Comparison, OfARunWithItselfIsEmpty) {
  const RunRecord run = eventful_run();
  const Comparison same = compare_runs(run, run);
  EXPECT_TRUE(same.is_same());
  EXPECT_EQ(same.same, run.cases.size());
  EXPECT_TRUE(comparison_text(same, run, run)
                  .ends_with("cases: " + std::to_string(run.cases.size()) + " the same\n"));
}

TEST(Comparison, FindsEachKindOfChangeTheWorseFirst) {
  const RunRecord before =
      run_of({outcome("better", Outcome::failed), outcome("gone", Outcome::passed),
              outcome("kept", Outcome::failed), outcome("worse", Outcome::passed),
              outcome("other", Outcome::failed)});
  RunRecord now = run_of({outcome("better", Outcome::passed), outcome("kept", Outcome::failed),
                          outcome("worse", Outcome::failed), outcome("other", Outcome::failed),
                          outcome("new", Outcome::passed)});
  now.cases[1].failures[0].actual = "0x00 (#9), later";  // numbers differ from run to run
  now.cases[3].failures[0].field = "ata.error";
  const Comparison found = compare_runs(before, now);
  EXPECT_EQ(summary(found.cases),
            "worse worse PASS>FAIL; better better FAIL>PASS; other other FAIL>FAIL; new new >PASS; "
            "gone gone PASS>; ");
  EXPECT_EQ(found.same, 1);
  EXPECT_EQ(found.cases[0].says_now, "expected DRDY, but: 0x00 (#7)");
  EXPECT_FALSE(found.is_same());
}

TEST(Comparison, IsTheSameWhereverTheScenariosAre) {
  const RunRecord before = run_of({outcome("a", Outcome::failed), outcome("b", Outcome::failed)});
  RunRecord now = before;
  now.cases[0].failures[0].where = "/home/me/scenarios/a.yaml:3";
  now.cases[1].failures[0].where = "/home/me/scenarios/a.yaml:4";
  EXPECT_EQ(summary(compare_runs(before, now).cases), "b other FAIL>FAIL; ");
}

TEST(Comparison, TellsClausesAndAbilities) {
  RunRecord before = run_of({outcome("a", Outcome::passed)});
  RunRecord now = run_of({outcome("a", Outcome::failed)});
  before.probes = {{.ability = "mask", .has = true}, {.ability = "flush", .has = false}};
  now.probes = {{.ability = "mask", .has = false}, {.ability = "flush", .has = true}};
  const Comparison found = compare_runs(before, now);
  EXPECT_EQ(summary(found.clauses), "2/3 worse PASS>FAIL; ");
  EXPECT_EQ(summary(found.abilities), "mask worse has>lacks; flush better lacks>has; ");
}

TEST(Comparison, IsTextAndJson) {
  const RunRecord before = run_of({outcome("a", Outcome::passed)});
  const RunRecord now = run_of({outcome("a", Outcome::failed), outcome("b", Outcome::failed)});
  const Comparison found = compare_runs(before, now);
  EXPECT_EQ(comparison_text(found, before, now),
            "before  vblade, 25 veth seed 1 of 2026-11-22T16:40:00Z\n"
            "now     vblade, 25 veth seed 1 of 2026-11-22T16:40:00Z\n"
            "  worse  clause   PASS → FAIL  2/3\n"
            "  worse  case     PASS → FAIL  a\n"
            "                  now: expected DRDY, but: 0x00 (#7)\n"
            "  new    case     FAIL  b\n"
            "                  now: expected DRDY, but: 0x00 (#7)\n"
            "cases: 1 worse, 1 new, 0 the same\n");
  const auto json = nlohmann::json::parse(comparison_json(found, before, now));
  EXPECT_EQ(json["cases"][0]["change"], "worse");
  EXPECT_EQ(json["cases"][1]["before"], nullptr);
  EXPECT_EQ(json["before"]["summary"], "1 passed, 0 failed");
}

}  // namespace
}  // namespace aoe::harness
