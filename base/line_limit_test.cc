#include "base/line_limit.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

using namespace std::chrono_literals;

TEST(LineLimit, AdmitsOneASecondAndCountsTheOthers) {
  LineLimit limit(1);
  EXPECT_TRUE(limit.admits(Instant(10s)));
  EXPECT_EQ(limit.take_left_out(), 0U);
  EXPECT_FALSE(limit.admits(Instant(10s)));
  EXPECT_FALSE(limit.admits(Instant(10'999ms)));
  EXPECT_TRUE(limit.admits(Instant(11s)));
  EXPECT_EQ(limit.take_left_out(), 2U);
  EXPECT_EQ(limit.take_left_out(), 0U);
}

TEST(LineLimit, AdmitsABurstThenOneASecond) {
  LineLimit limit(3);
  for (int line = 0; line < 3; ++line) EXPECT_TRUE(limit.admits(Instant(10s))) << line;
  EXPECT_FALSE(limit.admits(Instant(10s)));
  EXPECT_TRUE(limit.admits(Instant(11s)));
  EXPECT_FALSE(limit.admits(Instant(11s)));
  EXPECT_EQ(limit.take_left_out(), 2U);
}

TEST(LineLimit, AdmitsAWholeBurstAgainAfterAPause) {
  LineLimit limit(3);
  for (int line = 0; line < 3; ++line) EXPECT_TRUE(limit.admits(Instant(10s)));
  for (int line = 0; line < 3; ++line) EXPECT_TRUE(limit.admits(Instant(13s))) << line;
  EXPECT_FALSE(limit.admits(Instant(13s)));
}

}  // namespace
}  // namespace aoe
