#include "initiator/engine/rtt.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

TEST(Rtt, ColdTimeoutIsOneSecond) {
  EXPECT_EQ(RttEstimator().timeout(1), 1s);
}

TEST(Rtt, FirstSampleSetsAverageAndHalfOfItAsDeviation) {
  RttEstimator rtt;
  rtt.sample(200ms);
  EXPECT_EQ(rtt.average(), 200ms);
  EXPECT_EQ(rtt.deviation(), 100ms);
  EXPECT_EQ(rtt.timeout(1), 200ms + 4 * 100ms);
}

TEST(Rtt, LaterSamplesWeighAnEighthInTheAverageAndAQuarterInTheDeviation) {
  RttEstimator rtt;
  rtt.sample(200ms);  // average 200, deviation 100
  rtt.sample(
      280ms);  // deviation 100 + (80 - 100) / 4, from the average before; average 200 + 80 / 8
  EXPECT_EQ(rtt.average(), 210ms);
  EXPECT_EQ(rtt.timeout(1), 210ms + 4 * 95ms);
  rtt.sample(130ms);  // deviation 95 + (80 - 95) / 4; average 210 - 80 / 8
  EXPECT_EQ(rtt.average(), 200ms);
  EXPECT_EQ(rtt.timeout(1), 200ms + 4 * 91250us);
}

TEST(Rtt, TimeoutStaysAboveItsMinimumHoweverFastThePath) {
  RttEstimator rtt;
  for (int i = 0; i < 1000; ++i) rtt.sample(70us);
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_min);
  rtt.sample(0ns);
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_min);
}

TEST(Rtt, SteadySamplesBringTheTimeoutDownToHalfAsMuchAgain) {
  RttEstimator rtt;
  for (int i = 0; i < 200; ++i) rtt.sample(300ms);
  EXPECT_EQ(rtt.timeout(1), 450ms);
}

TEST(Rtt, AnAnswerAfterItsTimeoutRaisesTheMinimumAndRightTimeoutsLowerItAgain) {
  RttEstimator rtt;
  for (int i = 0; i < 200; ++i) rtt.sample(1ms);
  rtt.was_early(2s);
  EXPECT_EQ(rtt.timeout(1), 2500ms);
  rtt.was_early(1s);
  EXPECT_EQ(rtt.timeout(1), 2500ms);
  rtt.was_right();
  EXPECT_EQ(rtt.timeout(1), 1250ms);
  for (int i = 0; i < 10; ++i) rtt.was_right();
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_min);
  rtt.was_early(1min);
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_max);
}

TEST(Rtt, TheMinimumThatALateAnswerRaisedWearsOffWithAnswers) {
  RttEstimator rtt;
  for (int i = 0; i < 200; ++i) rtt.sample(1ms);
  rtt.was_early(2s);
  for (int i = 0; i < 256; ++i) rtt.sample(1ms);
  EXPECT_LT(rtt.timeout(1), 1s);
  EXPECT_GT(rtt.timeout(1), 500ms);
  for (int i = 0; i < 1000; ++i) rtt.sample(1ms);
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_min);
}

TEST(Rtt, EachAttemptDoublesTheTimeoutUpToTheMaximum) {
  RttEstimator rtt;
  const Duration expected[] = {1s, 2s, 4s, 8s, 8s, 8s};
  for (unsigned attempt = 1; attempt <= 6; ++attempt) {
    EXPECT_EQ(rtt.timeout(attempt), expected[attempt - 1]) << attempt;
  }
  EXPECT_EQ(rtt.timeout(4'000'000'000), RttEstimator::timeout_max);
}

TEST(Rtt, ASampleOfMinutesDoesNotPassTheMaximum) {
  RttEstimator rtt;
  rtt.sample(10min);
  EXPECT_EQ(rtt.timeout(1), RttEstimator::timeout_max);
  EXPECT_EQ(rtt.timeout(3), RttEstimator::timeout_max);
}

TEST(Rtt, AsTheDriverDoesItItTakesHundredsOfAnswersToComeDown) {
  RttEstimator rtt(Profile::linux_driver);
  EXPECT_EQ(rtt.timeout(1), 16s + 500ms);
  EXPECT_EQ(rtt.timeout(5), 16s + 500ms);
  rtt.sample(250ms);
  EXPECT_EQ(rtt.timeout(1), 500ms + 8 * 1750ms);
  for (int i = 0; i < 300; ++i) rtt.sample(1ms);
  EXPECT_GT(rtt.timeout(1), 100ms);
  for (int i = 0; i < 3000; ++i) rtt.sample(1ms);
  EXPECT_LT(rtt.timeout(1), 10ms);
}

}  // namespace
}  // namespace aoe::initiator
