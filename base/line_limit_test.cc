#include "base/line_limit.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

using namespace std::chrono_literals;

/// Returns how many lines are admitted at once.
int admitted(LineLimit& limit, Instant now) {
  int number = 0;
  while (limit.admits(now)) ++number;
  return number;
}

TEST(LineLimit, AdmitsTenAtOnceThenOneASecond) {
  LineLimit limit;
  EXPECT_EQ(admitted(limit, Instant(100s)), 10);
  EXPECT_EQ(admitted(limit, Instant(100'999ms)), 0);
  EXPECT_EQ(admitted(limit, Instant(101s)), 1);
  EXPECT_EQ(admitted(limit, Instant(104s)), 3);
}

TEST(LineLimit, AdmitsTenAgainAfterAPause) {
  LineLimit limit;
  EXPECT_EQ(admitted(limit, Instant(100s)), 10);
  EXPECT_EQ(admitted(limit, Instant(110s)), 10);
  EXPECT_EQ(admitted(limit, Instant(1000s)), 10);
}

TEST(LineLimit, CountsTheOthers) {
  LineLimit limit;
  admitted(limit, Instant(100s));
  EXPECT_EQ(limit.take_left_out(), 1U);
  EXPECT_EQ(limit.take_left_out(), 0U);
  for (int line = 0; line < 3; ++line) EXPECT_FALSE(limit.admits(Instant(100s)));
  EXPECT_TRUE(limit.admits(Instant(101s)));
  EXPECT_EQ(limit.take_left_out(), 3U);
}

}  // namespace
}  // namespace aoe
