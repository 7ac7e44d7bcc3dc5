#include "target/service/logged_count.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

TEST(LoggedCount, IsDueOnceAMinuteAtMostAndLosesNothing) {
  LoggedCount count;
  const Instant start{};
  EXPECT_EQ(count.due(0, start), 0U);
  EXPECT_EQ(count.due(3, start), 3U) << "the first at once";
  EXPECT_EQ(count.due(4, start + 1s), 0U);
  EXPECT_EQ(count.due(9, start + 59s), 0U);
  EXPECT_EQ(count.due(9, start + 60s), 6U);
  EXPECT_EQ(count.due(9, start + 200s), 0U) << "nothing has happened";
  EXPECT_EQ(count.due(10, start + 201s), 1U);
}

}  // namespace
}  // namespace aoe::target
