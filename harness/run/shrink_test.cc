#include "harness/run/shrink.h"

#include <gtest/gtest.h>

#include "harness/run/trial.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// Plays it with an initiator that writes nothing where it repeats a write.
Trial play_mutant(Scenario scenario, std::uint64_t seed, const std::vector<Decision>* plan) {
  scenario.mutant = MutantSpec{initiator_node, "forgets-repeated-writes", {}};
  return try_in_sim(scenario, seed, plan);
}

std::string try_mutant(const Scenario& scenario, std::uint64_t seed,
                       const std::vector<Decision>* plan) {
  return play_mutant(scenario, seed, plan).kind();
}

Schedule failing_run(const std::string& yaml, std::uint64_t seed) {
  const auto scenario = parse_scenario(yaml, "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  const Trial trial = play_mutant(*scenario, seed, nullptr);
  EXPECT_EQ(trial.rule, "data-integrity");
  return {.scenario = yaml,
          .seed = seed,
          .world = "sim",
          .sut = "",
          .failure = trial.rule,
          .decisions = trial.decisions};
}

const std::string rough = trial(
    "- warmup: {reads: 8, depth: 4}\n"
    "- arm: {fault: drop, id: loss, match: {command: ata}, probability: 0.1}\n"
    "- arm: {fault: duplicate, id: twice, probability: 0.2}\n"
    "- arm: {fault: delay, id: late, by: 1ms, jitter: 2ms, every: 3}\n"
    "- io: {id: m, op: mixed, count: 2, requests: 60, depth: 8}\n"
    "- expect: {io: {id: m}}\n"
    "- heal: [loss, twice]\n"
    "- io: {id: f, op: flush}\n"
    "- expect: {io: {id: f}}\n"
    "- wait: 1s\n");

TEST(Shrink, ARunThatFailsBecomesTheFewStepsThatDo) {
  const Schedule schedule = failing_run(rough, 3);
  const auto shrunk = shrink(schedule, try_mutant);
  ASSERT_TRUE(shrunk) << shrunk.error();
  EXPECT_EQ(shrunk->rule, "data-integrity");
  EXPECT_EQ(shrunk->decisions, 1U);
  EXPECT_GT(shrunk->decisions_before, 20U);
  // A discovery, the fault, one write.
  EXPECT_LE(shrunk->steps, 3U) << shrunk->yaml;
  EXPECT_NE(shrunk->yaml.find("fault: drop, id: loss, match: {"), std::string::npos)
      << shrunk->yaml;

  const auto scenario = parse_scenario(shrunk->yaml, "y.yaml");
  ASSERT_TRUE(scenario) << scenario.error() << shrunk->yaml;
  EXPECT_EQ(scenario->id, "trial-shrunk");
  EXPECT_EQ(play_mutant(*scenario, scenario->seed.value_or(99), nullptr).rule, "data-integrity")
      << "it fails by itself:\n"
      << shrunk->yaml;
  EXPECT_EQ(try_in_sim(*scenario, 3).rule, "") << "and not with an engine that is right";
}

TEST(Shrink, ManyDecisionsThatAreAllNeededStayOneFault) {
  // Every transmission but the last one is lost.
  const std::string steps = trial(
      "- arm: {fault: drop, id: loss, match: {command: write, direction: to-target}, every: 1}\n"
      "- io: {id: w, op: write, lba: 8, count: 2}\n"
      "- wait: 1s\n"
      "- heal: loss\n"
      "- expect: {io: {id: w}}\n");
  const auto shrunk = shrink(failing_run(steps, 1), try_mutant);
  ASSERT_TRUE(shrunk) << shrunk.error();
  EXPECT_EQ(shrunk->decisions, 1U) << "the first of them is enough";
}

TEST(Shrink, AnotherFailureIsNotTakenForTheFirst) {
  // Without its decisions, or without a step, it fails all the same, but otherwise.
  const Schedule schedule = failing_run(rough, 3);
  const Try fails_otherwise = [&](const Scenario& scenario, std::uint64_t seed,
                                  const std::vector<Decision>* plan) {
    const std::string kind = try_mutant(scenario, seed, plan);
    return kind.empty() ? "data-integrity: 3.1/9 another clause" : kind;
  };
  const auto shrunk = shrink(schedule, fails_otherwise);
  ASSERT_TRUE(shrunk) << shrunk.error();
  EXPECT_EQ(shrunk->decisions, 1U) << shrunk->yaml;
  const auto scenario = parse_scenario(shrunk->yaml, "y.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(play_mutant(*scenario, scenario->seed.value_or(99), nullptr).rule, "data-integrity");
}

TEST(Shrink, ARunThatFailsByAnotherRuleThanItDidIsNotShrunk) {
  Schedule schedule = failing_run(rough, 3);
  schedule.failure = "liveness";
  EXPECT_EQ(shrink(schedule, try_mutant).error(),
            "played again, it fails otherwise: by data-integrity, not by liveness");
}

TEST(Trial, FailuresAreAlikeByRuleClauseFieldAndWhatWasExpected) {
  Trial trial{.outcome = Outcome::failed,
              .rule = "expect",
              .clause = "3.1/6",
              .field = "ata.status",
              .expected = "answer to #12 (e1.1 READ lba 7+0 tag 5c000002): error bad-argument",
              .actual = "ata.status: expected DRDY|ERR (0x41), got DRDY (0x40)"};
  EXPECT_EQ(trial.kind(), "expect: 3.1/6 ata.status answer to ");
  trial.field = "ata.error";
  EXPECT_EQ(trial.kind(), "expect: 3.1/6 ata.error answer to ");
  trial.outcome = Outcome::inconclusive;
  EXPECT_EQ(trial.kind(), "") << "it can't be told";
  trial = {.outcome = Outcome::failed,
           .rule = "world",
           .expected = "both ends run until the scenario's end",
           .actual = "the target was killed by signal 11 (Segmentation fault); it said: bye"};
  EXPECT_EQ(trial.kind(),
            "world: both ends run until the scenario's end: the target was killed by signal 11 "
            "(Segmentation fault)");
}

TEST(Shrink, ARunThatPassesIsNotShrunk) {
  Schedule schedule = failing_run(rough, 3);
  const Try passes = [](const Scenario&, std::uint64_t, const std::vector<Decision>*) {
    return std::string();
  };
  EXPECT_EQ(shrink(schedule, passes).error(), "played again, it passes: it can't be shrunk");
  schedule.failure.clear();
  EXPECT_EQ(shrink(schedule, passes).error(), "that run passed: there is nothing to shrink");
  schedule.scenario = "scenario: [";
  EXPECT_NE(shrink(schedule, passes).error(), "");
}

}  // namespace
}  // namespace aoe::harness
