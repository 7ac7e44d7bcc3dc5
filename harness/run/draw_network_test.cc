#include "harness/run/draw_network.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/run/draw.h"
#include "harness/run/shrink.h"
#include "harness/run/trial.h"

namespace aoe::harness {
namespace {

Scenario explored_topology(const std::string& explore) {
  auto scenario = parse_scenario(
      "scenario: trial\ntitle: A trial\nclause: [2/38]\ngiven: {deadsecs: 2s, rtt: 200us}\n"
      "always: [data-integrity, no-unasked-reply, tag-unique-in-flight, flushed-survives, "
      "liveness]\n"
      "explore: {topology: true, " +
          explore + "}\n",
      "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return *std::move(scenario);
}

TEST(DrawNetwork, TheSeedDecidesAndNothingElse) {
  const Scenario scenario = explored_topology("requests: 50");
  const auto first = draw(scenario, 7, "x.yaml");
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(draw(scenario, 7, "x.yaml")->yaml, first->yaml);
  EXPECT_NE(draw(scenario, 8, "x.yaml")->yaml, first->yaml);
  const Trial once = try_in_sim(*first, 7);
  const Trial again = try_in_sim(*first, 7);
  EXPECT_EQ(once.frames, again.frames);
  EXPECT_EQ(once.decisions.size(), again.decisions.size());
}

TEST(DrawNetwork, WhatIsDrawnIsAPlainScenarioThatReadsTheSameAgain) {
  const Scenario scenario = explored_topology("requests: 50");
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    ASSERT_TRUE(drawn) << drawn.error();
    EXPECT_FALSE(drawn->explore);
    const auto again = parse_scenario(drawn->yaml, "y.yaml");
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->steps.size(), drawn->steps.size());
    EXPECT_EQ(again->network.ports.size(), drawn->network.ports.size());
  }
}

TEST(DrawNetwork, ItComesToAllSortsOfNetworksAndMishaps) {
  const Scenario scenario = explored_topology("requests: 20");
  std::set<std::string> words;
  std::set<std::size_t> segments;
  std::set<std::size_t> initiators;
  std::set<std::size_t> targets;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    ASSERT_TRUE(drawn) << drawn.error();
    segments.insert(drawn->network.segments.size());
    initiators.insert(drawn->network.all(Node::Role::initiator).size());
    targets.insert(drawn->network.all(Node::Role::target).size());
    for (const Step& step : drawn->steps) {
      words.insert(step.word);
      if (const auto* arm = std::get_if<ArmStep>(&step.what)) words.insert(arm->fault.word());
    }
  }
  EXPECT_EQ(segments, (std::set<std::size_t>{1, 2, 3}));
  EXPECT_EQ(initiators, (std::set<std::size_t>{1, 2, 3, 4}));
  EXPECT_EQ(targets, (std::set<std::size_t>{1, 2, 3}));
  for (const std::string& word : drawn_faults()) EXPECT_TRUE(words.contains(word)) << word;
  for (const char* word : {"kill", "start", "promote", "demote", "reserve"})
    EXPECT_TRUE(words.contains(word)) << word;
}

TEST(DrawNetwork, NoTwoTargetsServeOneDiskAtATime) {
  const Scenario scenario = explored_topology("requests: 20, rounds: 8");
  std::size_t changes = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    ASSERT_TRUE(drawn) << drawn.error();
    const Network& network = drawn->network;
    std::set<NodeIndex> serving;
    for (const NodeIndex target : network.all(Node::Role::target)) {
      if (!network.nodes[target].standby) serving.insert(target);
    }
    for (const Step& step : drawn->steps) {
      const auto* power = std::get_if<PowerStep>(&step.what);
      if (power == nullptr) continue;
      ++changes;
      const bool begins =
          power->what == PowerStep::What::start || power->what == PowerStep::What::promote;
      EXPECT_EQ(serving.contains(power->target), !begins) << drawn->yaml;
      begins ? (void)serving.insert(power->target) : (void)serving.erase(power->target);
      std::set<DiskIndex> disks;
      for (const NodeIndex target : serving) {
        for (const Lun& lun : network.nodes[target].target.luns)
          EXPECT_TRUE(disks.insert(lun.disk).second) << drawn->yaml;
      }
    }
  }
  EXPECT_GT(changes, 100U);
}

TEST(DrawNetwork, ItsOwnEnginesHoldWhateverIsDrawn) {
  const Scenario scenario = explored_topology("requests: 60");
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    EXPECT_EQ(try_in_sim(*drawn, seed).failure(), "") << "seed " << seed << "\n" << drawn->yaml;
  }
}

/// With a first initiator that writes nothing where it repeats a write.
Trial play_forgetful(Scenario scenario, std::uint64_t seed, const std::vector<Decision>* plan) {
  scenario.mutant =
      MutantSpec{scenario.network.first(Node::Role::initiator), "forgets-repeated-writes", {}};
  return try_in_sim(scenario, seed, plan);
}

TEST(DrawNetwork, ShrinkLeavesOutTheNodesThatHaveNoPart) {
  const Scenario scenario = explored_topology("requests: 60, rounds: 2, faults: [drop, duplicate]");
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto drawn = draw(scenario, seed, "x.yaml");
    ASSERT_TRUE(drawn) << drawn.error();
    const Trial trial = play_forgetful(*drawn, seed, nullptr);
    if (drawn->network.nodes.size() < 5 || trial.rule != "data-integrity") continue;
    const Schedule schedule{.scenario = drawn->yaml,
                            .seed = seed,
                            .world = "sim",
                            .sut = "",
                            .failure = trial.rule,
                            .decisions = trial.decisions};
    const auto shrunk = shrink(
        schedule, [](const Scenario& tried, std::uint64_t with, const std::vector<Decision>* plan) {
          return play_forgetful(tried, with, plan).kind();
        });
    ASSERT_TRUE(shrunk) << shrunk.error();
    const auto short_one = parse_scenario(shrunk->yaml, "y.yaml");
    ASSERT_TRUE(short_one) << short_one.error() << shrunk->yaml;
    EXPECT_LE(short_one->network.nodes.size(), 3U) << shrunk->yaml;
    EXPECT_LE(short_one->network.segments.size(), drawn->network.segments.size());
    return;
  }
  FAIL() << "no seed drew a network of five nodes in which the mutant shows";
}

TEST(DrawNetwork, WhatIsDrawnIsNotGiven) {
  const auto scenario = parse_scenario(
      "scenario: s\ntitle: t\nroles: {target: {}}\nexplore: {topology: true}\n", "x.yaml");
  ASSERT_FALSE(scenario);
  EXPECT_EQ(scenario.error(), "x.yaml:3:8: scenario: roles: drawn, where explore has the topology");
}

}  // namespace
}  // namespace aoe::harness
