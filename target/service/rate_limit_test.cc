#include "target/service/rate_limit.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

/// Does operations as soon as they are due, for a virtual second, and returns their number.
int count_in_a_second(RateLimiter& limiter, std::uint64_t bytes) {
  int count = 0;
  for (Instant now = start; now < start + 1s; ++count) {
    limiter.take(now, bytes);
    now = limiter.due(now);
  }
  return count;
}

TEST(RateLimit, NoLimitsDelayNothing) {
  RateLimiter limiter;
  EXPECT_FALSE(limiter);
  limiter.take(start, 1 << 30);
  EXPECT_EQ(limiter.due(start), start);
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
    EXPECT_EQ(limiter.due(start), start) << i;
    limiter.take(start, 512);
  }
  EXPECT_EQ(limiter.due(start), start + 10ms);
  limiter.take(start, 512);
  EXPECT_EQ(limiter.due(start), start + 20ms);
  EXPECT_EQ(limiter.due(start + 20ms), start + 20ms);
}

TEST(RateLimit, APauseEarnsOneBurstAndNotMore) {
  RateLimiter limiter({.iops = 100, .burst = 20ms});
  limiter.take(start, 512);
  EXPECT_FALSE(limiter.is_idle(start + 9ms));
  EXPECT_TRUE(limiter.is_idle(start + 10ms));
  const Instant later = start + 1h;
  for (int i = 0; i < 3; ++i) limiter.take(later, 512);
  EXPECT_EQ(limiter.due(later), later + 10ms);
}

TEST(RateLimit, AnOperationLargerThanTheBurstIsDoneAndDelaysTheNext) {
  RateLimiter limiter({.bytes_per_second = 1000, .burst = 100ms});
  EXPECT_EQ(limiter.due(start), start);
  limiter.take(start, 5000);
  EXPECT_EQ(limiter.due(start), start + 4900ms);
}

}  // namespace
}  // namespace aoe::target
