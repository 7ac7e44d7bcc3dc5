#include "target/service/client_limits.h"

#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};
constexpr RateLimits slow{.iops = 10, .burst = 0ms};
constexpr RateLimits fast{.iops = 1000, .burst = 0ms};

class ClientLimitsTest : public ::testing::Test {
 protected:
  /// How long the next operation of a client is delayed after it has done one.
  Duration delay_of(Mac client, Instant now = start) {
    RateLimiter* const limiter = limiters.find(client, now);
    if (limiter == nullptr) return {};
    limiter->take(now, 0);
    return limiters.find(client, now)->due(now) - now;
  }

  ClientLimiters limiters;
};

TEST_F(ClientLimitsTest, ThereAreNoneUnlessSet) {
  EXPECT_TRUE(limiters.empty());
  EXPECT_EQ(limiters.find(client_mac, start), nullptr);
}

TEST_F(ClientLimitsTest, ANamedClientHasItsOwnAndTheOthersThoseOfEveryone) {
  limiters.set({fast, {{client_mac, slow}}});
  EXPECT_FALSE(limiters.empty());
  EXPECT_EQ(delay_of(client_mac), 100ms);
  EXPECT_EQ(delay_of(other_mac), 1ms);
  EXPECT_EQ(delay_of(target_mac), 1ms) << "each by itself";
}

TEST_F(ClientLimitsTest, ANamedClientMayBeFreeOfLimits) {
  limiters.set({slow, {{client_mac, {}}}});
  EXPECT_EQ(limiters.find(client_mac, start), nullptr);
}

TEST_F(ClientLimitsTest, NewLimitsLeaveAloneWhoseOwnStay) {
  limiters.set({fast, {{client_mac, slow}}});
  delay_of(client_mac);
  delay_of(other_mac);
  limiters.set({slow, {{client_mac, slow}}});
  EXPECT_EQ(delay_of(client_mac), 200ms);
  EXPECT_EQ(delay_of(other_mac), 100ms);
}

TEST_F(ClientLimitsTest, ClientsBeyondTheBoundShareOneUntilOthersAreIdle) {
  limiters.set({slow, {{client_mac, fast}}});
  for (std::size_t i = 0; i < ClientLimiters::size_max; ++i) delay_of(numbered_mac(i));
  EXPECT_EQ(delay_of(other_mac), 100ms);
  EXPECT_EQ(delay_of(target_mac), 200ms) << "shared";
  EXPECT_EQ(delay_of(client_mac), 1ms) << "has limits of its own";
  EXPECT_EQ(delay_of(other_mac, start + 1s), 100ms) << "all others are idle";
}

}  // namespace
}  // namespace aoe::target
