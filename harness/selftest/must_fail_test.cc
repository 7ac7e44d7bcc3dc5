#include "harness/selftest/must_fail.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/selftest/initiator_mutant.h"
#include "harness/selftest/mutant.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

TEST(MustFail, NumbersThatDifferFromRunToRunHavePlacesInThePattern) {
  const std::string text = "#17 (e1.1 READ EXT lba 4+2 tag 8000a3c1) at sector 9 (and 12 more)";
  EXPECT_TRUE(says(text, text));
  EXPECT_TRUE(says(text, "#n (e1.1 READ EXT lba 4+2 tag t) at sector n (and n more)"));
  EXPECT_FALSE(says(text, "#n (e1.1 READ EXT lba n+2 tag t) at sector n (and n more)"));
  EXPECT_FALSE(says(text, "#n (e1.1 READ EXT lba 4+2 tag t) at sector n"));
  EXPECT_FALSE(says(text, text + "."));
  EXPECT_TRUE(says("no sector name", "no sector name"));
}

const std::string mute = "mutant: {end: target, behave: never-identifies}}";

std::string mutant_trial(const std::string& must_fail) {
  std::string yaml = trial("", "must-fail: \"" + must_fail + "\"\n");
  yaml.replace(yaml.find("64KiB}}"), 7, "64KiB}, " + mute);
  return yaml;
}

TEST(MustFail, AScenarioPassesIfItFailsInTheseWords) {
  Play play(mutant_trial("it is identifying"));
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
  judge_must_fail(play.scenario, play.verdict);
  EXPECT_EQ(play.verdict.outcome, Outcome::passed);
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "caught: it is identifying");
}

TEST(MustFail, AndFailsInOthersOrIfItPasses) {
  Play other(mutant_trial("no answer"));
  judge_must_fail(other.scenario, other.verdict);
  EXPECT_EQ(other.verdict.outcome, Outcome::failed);
  EXPECT_EQ(other.failures(),
            "line 0: expected a failure that says: no answer\nactual others, see below\n"
            "line 7: expected e1.1 up within 3s\nactual it is identifying");
  Play none(trial("", "must-fail: \"no answer\"\n"));
  judge_must_fail(none.scenario, none.verdict);
  EXPECT_EQ(none.verdict.outcome, Outcome::failed);
  EXPECT_EQ(none.failures(), "line 0: expected a failure that says: no answer\nactual it passed");
}

/// All that is in scenarios/selftest.
std::vector<Scenario> selftests() {
  std::vector<Scenario> all;
  for (const char* file : {"always", "expect"}) {
    auto scenarios = load_scenarios(fmt::format(AOE_SCENARIOS "/selftest/{}.yaml", file));
    EXPECT_TRUE(scenarios) << scenarios.error();
    if (scenarios) all.insert(all.end(), scenarios->begin(), scenarios->end());
  }
  return all;
}

TEST(Selftest, EveryMutantIsCaughtInTheWordsThatItsScenarioSays) {
  for (const Scenario& scenario : selftests()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Play play(scenario.yaml, Play::make<SimWorld>, seed);
      judge_must_fail(scenario, play.verdict);
      EXPECT_EQ(play.failures(), "") << scenario.id;
    }
  }
}

TEST(Selftest, EveryMutantIsPlayed) {
  std::set<std::string> played;
  for (const Scenario& scenario : selftests()) {
    ASSERT_TRUE(scenario.mutant) << scenario.id;
    EXPECT_NE(scenario.must_fail, "") << scenario.id;
    played.insert(scenario.mutant->behaviour);
  }
  // These have a test of their own, selftest/initiator_mutant_test.cc.
  for (const InitiatorMutant& mutant : initiator_mutants()) played.emplace(mutant.name);
  for (const bool at_target : {false, true}) {
    for (const std::string& name : mutant_names(at_target))
      EXPECT_TRUE(played.contains(name)) << name;
  }
}

}  // namespace
}  // namespace aoe::harness
