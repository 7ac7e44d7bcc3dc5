#include "harness/run/tries.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

CaseRecord record_of(Outcome outcome, std::uint64_t seed) {
  CaseRecord record;
  record.outcome = outcome;
  record.seed = seed;
  record.real = std::chrono::seconds(1);
  return record;
}

CaseRecord merged(std::initializer_list<Outcome> outcomes) {
  Tries tries;
  std::uint64_t seed = 0;
  for (const Outcome outcome : outcomes) tries.add(record_of(outcome, seed++));
  return tries.merged();
}

TEST(Tries, OneTryIsWhatItWas) {
  for (const Outcome outcome : {Outcome::passed, Outcome::failed, Outcome::inconclusive,
                                Outcome::unsupported, Outcome::broken}) {
    EXPECT_EQ(merged({outcome}).outcome, outcome);
  }
}

TEST(Tries, APassAfterAFailureIsFlakyAndTellsOfTheFailure) {
  const CaseRecord record = merged({Outcome::passed, Outcome::failed, Outcome::failed});
  EXPECT_EQ(record.outcome, Outcome::flaky);
  EXPECT_EQ(record.reason, "2 of 3 tries failed");
  EXPECT_EQ(record.seed, 1U);
  EXPECT_EQ(record.tries, 3U);
  EXPECT_EQ(record.tries_passed, 1U);
  EXPECT_EQ(record.real, std::chrono::seconds(3));
}

TEST(Tries, TellsWhetherAllFailed) {
  Tries tries;
  EXPECT_FALSE(tries.all_failed());
  tries.add(record_of(Outcome::failed, 1));
  tries.add(record_of(Outcome::failed, 2));
  EXPECT_TRUE(tries.all_failed());
  tries.add(record_of(Outcome::passed, 3));
  EXPECT_FALSE(tries.all_failed());
}

TEST(Tries, TheWorstOfThemIsTold) {
  EXPECT_EQ(merged({Outcome::failed, Outcome::broken}).outcome, Outcome::failed);
  EXPECT_EQ(merged({Outcome::passed, Outcome::broken}).outcome, Outcome::broken);
  EXPECT_EQ(merged({Outcome::passed, Outcome::inconclusive}).outcome, Outcome::inconclusive);
  EXPECT_EQ(merged({Outcome::passed, Outcome::passed}).outcome, Outcome::passed);
}

}  // namespace
}  // namespace aoe::harness
