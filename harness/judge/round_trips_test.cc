#include "harness/judge/round_trips.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

TEST(RoundTrips, PercentilesAreTimesThatWereSeen) {
  RoundTrips times;
  EXPECT_EQ(times.percentile(50), Duration{});
  for (int i = 200; i >= 1; --i) times.add(Duration(i));
  EXPECT_EQ(times.min(), Duration(1));
  EXPECT_EQ(times.percentile(0), Duration(1));
  EXPECT_EQ(times.percentile(50), Duration(100));
  EXPECT_EQ(times.percentile(99), Duration(198));
  EXPECT_EQ(times.percentile(100), Duration(200));
}

TEST(RoundTrips, ManyAreExactToAFewPercent) {
  RoundTrips times;
  for (std::size_t i = 1; i <= 10 * RoundTrips::exact_max; ++i) times.add(microseconds(i));
  EXPECT_EQ(times.count(), 10 * RoundTrips::exact_max);
  EXPECT_EQ(times.min(), microseconds(1));
  EXPECT_EQ(times.percentile(100), microseconds(10 * RoundTrips::exact_max));
  const double median = std::chrono::duration<double>(times.percentile(50)).count();
  EXPECT_NEAR(median, 0.05, 0.05 * 0.016);
}

}  // namespace
}  // namespace aoe::harness
