#include "harness/link/rto_model.h"

#include <random>

#include <gtest/gtest.h>

#include "initiator/engine/rtt.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(RtoModel, ItStartsAtASecondAndDoublesUpToEight) {
  const RtoModel model;
  EXPECT_EQ(model.rto(1), seconds(1));
  EXPECT_EQ(model.rto(2), seconds(2));
  EXPECT_EQ(model.rto(3), seconds(4));
  EXPECT_EQ(model.rto(4), seconds(8));
  EXPECT_EQ(model.rto(5), seconds(8));
  EXPECT_EQ(model.rto(1000), seconds(8));
}

TEST(RtoModel, TheFirstSampleIsTheAverageAndHalfOfItTheDeviation) {
  RtoModel model;
  model.sample(milliseconds(200));
  EXPECT_EQ(model.srtt(), milliseconds(200));
  EXPECT_EQ(model.rto(1), milliseconds(600));  // 200 + 4 * 100
}

TEST(RtoModel, LaterSamplesCountByTheGainsOfRfc6298) {
  RtoModel model;
  model.sample(milliseconds(200));
  model.sample(milliseconds(300));
  // RTTVAR = 3/4 * 100 + 1/4 * |200 - 300| = 100, then SRTT = 7/8 * 200 + 1/8 * 300 = 212.5
  EXPECT_EQ(model.srtt(), microseconds(212'500));
  EXPECT_EQ(model.rto(1), microseconds(612'500));
  model.sample(milliseconds(100));
  // RTTVAR = 3/4 * 100 + 1/4 * 112.5 = 103.125, SRTT = 7/8 * 212.5 + 1/8 * 100 = 198.4375
  EXPECT_EQ(model.srtt(), nanoseconds(198'437'500));
  EXPECT_EQ(model.rto(1), nanoseconds(610'937'500));
  EXPECT_EQ(model.rto(2), nanoseconds(1'221'875'000));
}

TEST(RtoModel, ItIsNeverBelowAHundredMilliseconds) {
  RtoModel model;
  model.sample(microseconds(200));
  EXPECT_EQ(model.rto(1), milliseconds(100));
  EXPECT_EQ(model.rto(3), milliseconds(400));
}

TEST(RtoModel, ItAgreesWithTheInitiatorsEstimatorToTheNanosecond) {
  std::mt19937_64 random(1);
  for (int link = 0; link < 200; ++link) {
    RtoModel model;
    initiator::RttEstimator estimator;
    const std::uint64_t most = 1ULL << (10 + random() % 24);  // 1 µs to 16 s
    for (int answers = 0; answers < 200; ++answers) {
      const nanoseconds round_trip(random() % most + 1);
      model.sample(round_trip);
      estimator.sample(round_trip);
      const auto attempt = static_cast<unsigned>(random() % 12 + 1);
      ASSERT_EQ(model.rto(attempt), estimator.timeout(attempt)) << "link " << link;
      ASSERT_EQ(model.srtt(), estimator.average());
    }
  }
}

TEST(RtoModel, WhatWasOvertakenWaitsAQuarterOfTheAverageAndEightTimesAsLongEachTime) {
  RtoModel model;
  EXPECT_EQ(model.reordering_wait(1), milliseconds(1)) << "at least";
  for (int i = 0; i < 100; ++i) model.sample(milliseconds(40));
  EXPECT_EQ(model.reordering_wait(1), milliseconds(10));
  EXPECT_EQ(model.reordering_wait(2), milliseconds(80));
  EXPECT_EQ(model.reordering_wait(3), milliseconds(640));
}

TEST(RtoModel, TheLinuxDriversStartsHighAndComesDownSlowly) {
  RtoModel model(RtoModel::Profile::linux_driver);
  EXPECT_EQ(model.rto(1), milliseconds(16'500));
  EXPECT_EQ(model.rto(3), milliseconds(16'500)) << "not doubled";
  EXPECT_EQ(model.flush_rto(1), milliseconds(16'500));
  model.sample(milliseconds(250));
  EXPECT_EQ(model.rto(1), milliseconds(14'500)) << "the deviation lost an eighth";
}

}  // namespace
}  // namespace aoe::harness
