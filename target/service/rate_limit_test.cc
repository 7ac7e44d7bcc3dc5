#include "target/service/rate_limit.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr Instant began{1h};

/// Does operations as soon as they are due, for a virtual second, and returns their number.
int count_in_a_second(RateLimiter& limiter, std::uint64_t bytes) {
  int count = 0;
  for (Instant now = began; now < began + 1s; ++count) {
    limiter.take(now, bytes);
    now = limiter.due(now);
  }
  return count;
}

TEST(RateLimit, NoLimitsDelayNothing) {
  RateLimiter limiter;
  EXPECT_FALSE(limiter);
  limiter.take(began, 1 << 30);
  EXPECT_EQ(limiter.due(began), began);
}

TEST(RateLimit, OperationsOfASecondAreTheLimitAndOneBurst) {
  RateLimiter limiter({.iops = 1000, .burst = 100ms});
  EXPECT_TRUE(limiter);
  EXPECT_NEAR(count_in_a_second(limiter, 130560), 1100, 1);
}

TEST(RateLimit, BytesOfASecondAreTheLimitAndOneBurst) {
  RateLimiter limiter({.bytes_per_second = 1'000'000, .burst = 100ms});
  EXPECT_NEAR(count_in_a_second(limiter, 1000), 1100, 1);
}

TEST(RateLimit, TheLowerOfBothLimitsDecides) {
  RateLimiter limiter({.iops = 10, .bytes_per_second = 1'000'000, .burst = 0ms});
  EXPECT_NEAR(count_in_a_second(limiter, 1000), 10, 1);
  RateLimiter other({.iops = 10'000, .bytes_per_second = 1'000'000, .burst = 0ms});
  EXPECT_NEAR(count_in_a_second(other, 100'000), 10, 1);
}

TEST(RateLimit, EachOperationBeyondTheBurstIsDueLater) {
  RateLimiter limiter({.iops = 100, .burst = 20ms});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.due(began), began) << i;
    limiter.take(began, 512);
  }
  EXPECT_EQ(limiter.due(began), began + 10ms);
  limiter.take(began, 512);
  EXPECT_EQ(limiter.due(began), began + 20ms);
  EXPECT_EQ(limiter.due(began + 20ms), began + 20ms);
}

TEST(RateLimit, APauseEarnsOneBurstAndNotMore) {
  RateLimiter limiter({.iops = 100, .burst = 20ms});
  limiter.take(began, 512);
  EXPECT_FALSE(limiter.is_idle(began + 9ms));
  EXPECT_TRUE(limiter.is_idle(began + 10ms));
  const Instant later = began + 1h;
  for (int i = 0; i < 3; ++i) limiter.take(later, 512);
  EXPECT_EQ(limiter.due(later), later + 10ms);
}

TEST(RateLimit, AnOperationLargerThanTheBurstIsDoneAndDelaysTheNext) {
  RateLimiter limiter({.bytes_per_second = 1000, .burst = 100ms});
  EXPECT_EQ(limiter.due(began), began);
  limiter.take(began, 5000);
  EXPECT_EQ(limiter.due(began), began + 4900ms);
}

}  // namespace
}  // namespace aoe::target
