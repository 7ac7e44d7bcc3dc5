#include "harness/run/must_fail.h"

#include <gtest/gtest.h>

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

std::string mutant_trial(const std::string& must_fail) {
  return with_mutant(trial("", "must-fail: \"" + must_fail + "\"\n"), "target", "never-identifies");
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

}  // namespace
}  // namespace aoe::harness
