#include "base/latency_histogram.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

/// Where a time is counted.
std::size_t place_of(Duration latency) {
  LatencyHistogram histogram;
  histogram.add(latency);
  return *histogram.percentile(1);
}

TEST(LatencyHistogram, ATimeCountsWhereItsLimitIsNotExceeded) {
  EXPECT_EQ(place_of(-1ns), 0U);
  EXPECT_EQ(place_of(0ns), 0U);
  EXPECT_EQ(place_of(1us), 0U);
  for (std::size_t place = 0; place + 1 < LatencyHistogram::size; ++place) {
    const Duration limit = *LatencyHistogram::limit(place);
    EXPECT_EQ(place_of(limit), place);
    EXPECT_EQ(place_of(limit + 1ns), place + 1);
  }
  EXPECT_EQ(LatencyHistogram::limit(22), 4'194'304us);
  EXPECT_EQ(LatencyHistogram::limit(23), std::nullopt);
  EXPECT_EQ(place_of(24h), 23U);
  EXPECT_EQ(place_of(Duration::max()), 23U);
}

TEST(LatencyHistogram, ItKnowsHowManyAndHowLongAltogether) {
  LatencyHistogram histogram;
  histogram.add(3us);
  histogram.add(500us);
  histogram.add(-1us);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.sum, 503us);
}

TEST(LatencyHistogram, APercentileIsThePlaceThatThisPartDoesNotGoBeyond) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), std::nullopt);
  for (int i = 0; i < 99; ++i) histogram.add(100us);
  histogram.add(1s);
  EXPECT_EQ(histogram.percentile(0), 0U);
  EXPECT_EQ(histogram.percentile(0.5), 7U);
  EXPECT_EQ(histogram.percentile(0.99), 7U);
  EXPECT_EQ(histogram.percentile(0.991), 20U);
  EXPECT_EQ(histogram.percentile(1), 20U);
}

}  // namespace
}  // namespace aoe::target
