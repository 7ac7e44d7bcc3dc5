#include "harness/run/draw.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/run/trial.h"

namespace aoe::harness {
namespace {

Scenario exploration(const std::string& explore) {
  auto scenario = parse_scenario(
      "scenario: trial\n"
      "title: A trial\n"
      "clause: [2/38]\n"
      "roles: {target: {size: 1MiB}}\n"
      "given: {deadsecs: 2s, rtt: 200us}\n"
      "explore: " +
          explore +
          "\n"
          "steps:\n"
          "- discover: {expect: e1.1}\n",
      "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return *std::move(scenario);
}

/// How often each word stands in an arm step, and how many requests all loads have.
struct Drawn {
  std::multiset<std::string> faults;
  std::uint64_t requests = 0;
  std::size_t most_at_once = 0;
};

Drawn look_at(const Scenario& scenario) {
  Drawn drawn;
  std::set<std::string> armed;
  for (const Step& step : scenario.steps) {
    if (const auto* arm = std::get_if<ArmStep>(&step.what)) {
      drawn.faults.insert(arm->fault.word());
      armed.insert(arm->fault.id);
      drawn.most_at_once = std::max(drawn.most_at_once, armed.size());
    } else if (const auto* heal = std::get_if<HealStep>(&step.what)) {
      for (const std::string& id : heal->ids) armed.erase(id);
    } else if (const auto* io = std::get_if<IoStep>(&step.what)) {
      if (io->operation != IoOperation::flush) drawn.requests += io->requests;
    }
  }
  EXPECT_TRUE(armed.empty()) << "all are healed at last";
  return drawn;
}

TEST(Draw, TheSeedDecidesAndNothingElse) {
  const Scenario scenario = exploration("{requests: 50}");
  const auto first = draw(scenario, 7, "x.yaml");
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(draw(scenario, 7, "x.yaml")->yaml, first->yaml);
  EXPECT_NE(draw(scenario, 8, "x.yaml")->yaml, first->yaml);
}

TEST(Draw, WhatIsDrawnIsAPlainScenarioThatReadsTheSameAgain) {
  const auto drawn = draw(exploration("{requests: 50}"), 7, "x.yaml");
  ASSERT_TRUE(drawn) << drawn.error();
  EXPECT_FALSE(drawn->explore);
  EXPECT_EQ(drawn->id, "trial");
  const auto again = parse_scenario(drawn->yaml, "y.yaml");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->steps.size(), drawn->steps.size());
}

TEST(Draw, ItKeepsToWhatItIsTold) {
  const Scenario scenario =
      exploration("{requests: 101, rounds: 7, at-once: 2, faults: [drop, rate]}");
  std::set<std::string> words;
  std::size_t most = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    ASSERT_TRUE(drawn) << drawn.error();
    const Drawn seen = look_at(*drawn);
    EXPECT_EQ(seen.requests, 101U);
    most = std::max(most, seen.most_at_once);
    words.insert(seen.faults.begin(), seen.faults.end());
  }
  EXPECT_EQ(most, 2U);
  EXPECT_EQ(words, (std::set<std::string>{"drop", "rate"}));
}

TEST(Draw, UnlessToldItComesToAllFaultsOfFrames) {
  const Scenario scenario = exploration("{requests: 20}");
  std::set<std::string> words;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto faults = look_at(*draw(scenario, seed, "x.yaml")).faults;
    words.insert(faults.begin(), faults.end());
  }
  EXPECT_EQ(words, std::set<std::string>(explored_faults().begin(), explored_faults().end()));
  EXPECT_EQ(words.size(), 8U);
}

TEST(Draw, ItsOwnEnginesHoldWhateverIsDrawn) {
  const Scenario scenario = exploration("{requests: 60}");
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    EXPECT_EQ(try_in_sim(*drawn, seed).failure(), "") << "seed " << seed << "\n" << drawn->yaml;
  }
}

TEST(Draw, MistakesAreNamed) {
  const auto complaint = [](const std::string& explore) {
    const auto scenario =
        parse_scenario("scenario: s\ntitle: t\nroles: {target: {}}\nexplore: " + explore +
                           "\nsteps: [{wait: 1s}]\n",
                       "x.yaml");
    return scenario ? "none" : scenario.error();
  };
  EXPECT_EQ(complaint("{rounds: 0}"),
            "x.yaml:4:19: explore: rounds: expected a whole number from 1 to 100");
  EXPECT_EQ(complaint("{faults: [dorp]}"),
            "x.yaml:4:20: explore: faults: expected one of drop, duplicate, delay, reorder, "
            "corrupt, truncate, partition, rate, link-down, pause, mac-change, disk-error, "
            "slow-disk, interface-gone, kill, got 'dorp'; did you mean 'drop'?");
  EXPECT_EQ(complaint("{round: 1}"),
            "x.yaml:4:11: explore: unknown key 'round'; did you mean "
            "'rounds'?");
}

}  // namespace
}  // namespace aoe::harness
