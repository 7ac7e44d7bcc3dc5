#include "initiator/engine/identify_pace.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class IdentifyPaceTest : public ::testing::Test {
 protected:
  using Attempt = IdentifyPace::Attempt;
  static constexpr Instant now{1h};

  IdentifyPace pace;
};

TEST_F(IdentifyPaceTest, LetsFirstQuestionsGoAtOnceUntilTheyAreTooMany) {
  for (int i = 0; i <= 4096; ++i) ASSERT_EQ(pace.reserve(Attempt::first, now), now) << i;
  EXPECT_EQ(pace.reserve(Attempt::first, now), now + 100us);
  EXPECT_EQ(pace.reserve(Attempt::first, now), now + 200us);
  EXPECT_EQ(pace.reserve(Attempt::first, now + 10s), now + 10s);
}

TEST_F(IdentifyPaceTest, RepetitionsHaveAPaceOfTheirOwn) {
  for (int i = 0; i <= 1000; ++i) ASSERT_EQ(pace.reserve(Attempt::repeated, now), now) << i;
  EXPECT_EQ(pace.reserve(Attempt::repeated, now), now + 1ms);
  EXPECT_EQ(pace.reserve(Attempt::first, now), now);
}

TEST_F(IdentifyPaceTest, AForgerRunsUpNoDebtOfMoreThanTheLongestWait) {
  for (int i = 0; i < 1'000'000; ++i) pace.reserve(Attempt::first, now);
  EXPECT_EQ(pace.reserve(Attempt::first, now), never);
  const Instant granted = pace.reserve(Attempt::first, now + 1s);
  EXPECT_GT(granted, now + 1s);
  EXPECT_LE(granted, now + 1s + IdentifyPace::wait_max);
}

}  // namespace
}  // namespace aoe::initiator
