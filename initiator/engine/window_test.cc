#include "initiator/engine/window.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{};

/// A command that was sent at `sent` is taken back, for there was no answer.
bool expire(Window& window, Instant sent, Instant now) {
  window.withdrawn();
  return window.expired(sent, now);
}

void fill(Window& window) {
  while (window.has_room()) window.sent();
}

/// Sends what there is room for, and has all of it answered.
void turn(Window& window) {
  fill(window);
  for (int left = window.outstanding(); left > 0; --left) window.answered();
}

TEST(Window, StartsAtHalfOfTheLimit) {
  EXPECT_EQ(Window(16).size(), 8);
  EXPECT_EQ(Window(3).size(), 1);
  EXPECT_EQ(Window(2).size(), 1);
}

TEST(Window, ATargetWithNoBufferOrOneIsSentOneCommandAtATime) {
  for (const std::uint16_t limit : {std::uint16_t{0}, std::uint16_t{1}}) {
    Window window(limit);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(window.has_room());
      window.sent();
      EXPECT_FALSE(window.has_room());
      EXPECT_FALSE(window.has_buffer());
      window.answered();
    }
    EXPECT_EQ(window.limit(), 1);
  }
}

TEST(Window, HasRoomForItsSizeAndNoMore) {
  Window window(8);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(window.has_room()) << i;
    window.sent();
  }
  EXPECT_FALSE(window.has_room());
  EXPECT_TRUE(window.has_buffer());
}

TEST(Window, GrowsToTheLimitInOneTurnAtFirst) {
  Window window(16);
  turn(window);
  EXPECT_GT(window.size(), 8);
  turn(window);
  EXPECT_GT(window.size(), 12);
  for (int i = 0; i < 4; ++i) turn(window);
  EXPECT_EQ(window.size(), 16);
}

TEST(Window, BelowTheThresholdGrowsOnlyWhileItIsUsed) {
  Window window(16);
  for (int i = 0; i < 100; ++i) {
    window.sent();
    window.answered();
  }
  EXPECT_EQ(window.size(), 8);
}

TEST(Window, GrowsByOneAWindowfulAboveTheThreshold) {
  Window window(16, Profile::linux_driver);
  fill(window);
  for (int i = 0; i < 7; ++i) window.answered();
  EXPECT_EQ(window.size(), 8);
  window.answered();
  EXPECT_EQ(window.size(), 9);
  turn(window);
  EXPECT_EQ(window.size(), 10);
}

TEST(Window, NeverGrowsBeyondTheLimit) {
  Window window(6);
  for (int i = 0; i < 20; ++i) turn(window);
  EXPECT_EQ(window.size(), 6);
}

TEST(Window, CollapsesToOneWithHalfOfItAsThreshold) {
  Window window(16);
  fill(window);
  EXPECT_TRUE(expire(window, start, start + 1s));
  EXPECT_EQ(window.size(), 1);
  EXPECT_EQ(window.threshold(), 4);
  EXPECT_EQ(window.outstanding(), 7);
  EXPECT_FALSE(window.has_room());
  EXPECT_TRUE(window.has_buffer());
}

TEST(Window, GrowsByOneAnAnswerBelowTheThreshold) {
  Window window(16, Profile::linux_driver);
  fill(window);
  while (window.outstanding() > 0) expire(window, start, start + 1s);
  const int sizes[] = {2, 4, 5, 6};  // doubles up to the threshold of 4, then by one
  for (const int size : sizes) {
    turn(window);
    EXPECT_EQ(window.size(), size);
  }
}

TEST(Window, CommandsLostTogetherCollapseItOnce) {
  Window window(16);
  fill(window);
  EXPECT_TRUE(expire(window, start, start + 1s));
  EXPECT_FALSE(expire(window, start, start + 1s));
  EXPECT_FALSE(expire(window, start + 999ms, start + 2s));  // sent before the collapse
  EXPECT_EQ(window.threshold(), 4);
}

TEST(Window, TheRepetitionThatIsLostAsWellCollapsesItAgain) {
  Window window(16);
  window.sent();
  EXPECT_TRUE(expire(window, start, start + 1s));
  window.sent();  // at once
  EXPECT_TRUE(expire(window, start + 1s, start + 3s));
  EXPECT_EQ(window.size(), 1);
  EXPECT_EQ(window.threshold(), 1);
}

TEST(Window, ACommandThatWasLostAmongOthersCostsOnePlace) {
  Window window(16);
  fill(window);
  window.withdrawn();
  window.lost(start);
  EXPECT_EQ(window.size(), 7);
  EXPECT_FALSE(window.has_room());
  window.not_lost();
  EXPECT_EQ(window.size(), 8);
  for (int i = 0; i < 20; ++i) window.lost(start);
  EXPECT_EQ(window.size(), 1);
  for (int i = 0; i < 20; ++i) window.not_lost();
  EXPECT_EQ(window.size(), 16);
}

TEST(Window, WhatWasLostAlongWithACollapseCostsNothingMore) {
  Window window(16);
  fill(window);
  expire(window, start, start + 1s);
  window.answered();  // grows to 2
  window.lost(start);
  EXPECT_EQ(window.size(), 2);
}

TEST(Window, ACollapseIsTakenBackWhenTheAnswerComes) {
  Window window(16);
  fill(window);
  const std::uint16_t threshold = window.threshold();
  expire(window, start, start + 1s);
  expire(window, start + 1s, start + 3s);  // what was sent again expired as well
  EXPECT_EQ(window.size(), 1);
  EXPECT_FALSE(window.not_expired(start + 3s));  // sent after the collapse
  EXPECT_TRUE(window.not_expired(start));
  EXPECT_EQ(window.size(), 8);
  EXPECT_EQ(window.threshold(), threshold);
  EXPECT_FALSE(window.not_expired(start)) << "there is one collapse to take back";
}

TEST(Window, ACollapseStaysWhenWhatWasSentAgainWasAnswered) {
  Window window(16);
  fill(window);
  expire(window, start, start + 1s);
  window.expired_rightly();
  EXPECT_FALSE(window.not_expired(start));
  EXPECT_EQ(window.size(), 1);
}

TEST(Window, ACollapseIsTakenBackNoFurtherThanToTheLimit) {
  Window window(16);
  fill(window);
  expire(window, start, start + 1s);
  window.set_limit(3);
  EXPECT_TRUE(window.not_expired(start));
  EXPECT_EQ(window.size(), 3);
  EXPECT_EQ(window.threshold(), 3);
}

/// Returns the average size of a window of which one command in `n` is lost.
double with_one_loss_in(int n) {
  Window window(128);
  unsigned sum = 0;
  for (int i = 1; i <= 100'000; ++i) {
    fill(window);
    if (i % n == 0) {
      window.withdrawn();
      window.lost(start);
    } else {
      window.answered();
    }
    sum += window.size();
  }
  return sum / 100'000.0;
}

TEST(Window, AFewLossesByChanceCostNoPlace) {
  EXPECT_GT(with_one_loss_in(50), 127);
  EXPECT_GT(with_one_loss_in(20), 127);
}

TEST(Window, MoreOfThemMakeItSettle) {
  EXPECT_LT(with_one_loss_in(8), 40);
  EXPECT_LT(with_one_loss_in(4), 10);
}

TEST(Window, ALowerLimitTakesEffectWhileMoreIsOutstanding) {
  Window window(16);
  fill(window);
  window.set_limit(3);
  EXPECT_EQ(window.size(), 3);
  EXPECT_EQ(window.outstanding(), 8);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(window.has_room());
    EXPECT_FALSE(window.has_buffer());
    window.answered();
  }
  window.answered();
  EXPECT_TRUE(window.has_room());
}

TEST(Window, AHigherLimitIsGrownInto) {
  Window window(2);
  window.set_limit(64);
  EXPECT_EQ(window.size(), 1);
  for (int i = 0; i < 10; ++i) turn(window);
  EXPECT_EQ(window.size(), 11);
}

TEST(Window, AWithdrawnCommandLeavesTheSizeAlone) {
  Window window(16);
  fill(window);
  window.withdrawn();
  EXPECT_EQ(window.outstanding(), 7);
  EXPECT_EQ(window.size(), 8);
  EXPECT_TRUE(window.has_room());
}

}  // namespace
}  // namespace aoe::initiator
