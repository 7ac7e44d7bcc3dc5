#include "initiator/engine/path_payload.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

/// A path that swallows frames of more than `passes` sectors, and a user who wants the most at once.
class Swallower {
 public:
  explicit Swallower(unsigned passes, unsigned limit = 17) : passes_(passes) {
    payload.set_limit(limit);
  }
  void let_pass(unsigned sectors) { passes_ = sectors; }

  /// Sends one command, and says whether what is known changed.
  bool send() {
    now += 1ms;
    const unsigned sectors = payload.next(now);
    payload.sent(sectors, now);
    const Instant sent = now;
    now += 1ms;
    largest = std::max(largest, sectors);
    return sectors > passes_ ? payload.lost(sectors, sent, now) : payload.answered(sectors);
  }
  /// Sends until what is known changes; returns after how many commands.
  int until_changed(int most = 1000) {
    for (int i = 1; i <= most; ++i) {
      if (send()) return i;
    }
    return most + 1;
  }

  PathPayload payload;
  Instant now = Instant(1h);
  unsigned largest = 0;

 private:
  unsigned passes_;
};

TEST(PathPayload, IsTheLimitWhileItPasses) {
  Swallower path(17);
  EXPECT_GT(path.until_changed(), 1000);
  EXPECT_EQ(path.payload.size(), 17U);
}

TEST(PathPayload, ShrinksWhenLargeFramesAreLostAndSmallOnesPass) {
  Swallower path(2);
  EXPECT_LT(path.until_changed(), 25);
  EXPECT_EQ(path.payload.size(), 2U);
  EXPECT_FALSE(path.payload.is_whole());
}

TEST(PathPayload, FindsTheLargestThatPasses) {
  for (unsigned passes = 3; passes < 17; ++passes) {
    Swallower path(passes);
    path.until_changed();
    EXPECT_LT(path.until_changed(), 25);
    EXPECT_EQ(path.payload.size(), passes);
  }
}

TEST(PathPayload, TriesTheLimitMoreAndMoreRarely) {
  Swallower path(2);
  while (path.payload.is_whole() || path.payload.next(path.now) > 2) path.send();
  while (path.now < Instant(1h) + 1s) path.send();  // the search is over
  std::vector<Duration> waits;
  for (Instant last = path.now; waits.size() < 4;) {
    while (path.payload.next(path.now + 1ms) == 2) path.now += 10ms;
    waits.push_back(path.now - last);
    last = path.now;
    path.send();
  }
  for (std::size_t i = 1; i < waits.size(); ++i) EXPECT_GT(waits[i], waits[i - 1] * 3 / 2) << i;
}

TEST(PathPayload, IsRestoredWhenTheLimitPassesAgain) {
  Swallower path(2);
  path.until_changed();
  path.let_pass(17);
  const Instant before = path.now;
  bool changed = false;
  for (; !path.payload.is_whole(); changed = path.send()) ASSERT_LT(path.now - before, 10s);
  EXPECT_TRUE(changed);
  EXPECT_EQ(path.payload.size(), 17U);
}

TEST(PathPayload, IsNotShrunkByAPathOnWhichNothingPasses) {
  Swallower path(0);
  EXPECT_GT(path.until_changed(), 1000);
  path.let_pass(17);
  EXPECT_GT(path.until_changed(), 1000);
  EXPECT_EQ(path.payload.size(), 17U);
}

TEST(PathPayload, ALargeOneThatIsAnsweredAfterAllMakesItWhole) {
  PathPayload payload;
  payload.set_limit(17);
  const Instant now(1h);
  for (int i = 0; i < 5; ++i) payload.lost(17, now, now + 1s);
  EXPECT_EQ(payload.size(), 2U);
  EXPECT_FALSE(payload.answered(17)) << "there was nothing to tell";
  EXPECT_EQ(payload.size(), 17U);
}

TEST(PathPayload, ATryThatIsWithdrawnIsNotAwaitedForEver) {
  PathPayload payload;
  payload.set_limit(17);
  const Instant now(1h);
  for (int i = 0; i < 2; ++i) payload.lost(17, now, now + 1s);
  payload.answered(2);
  EXPECT_EQ(payload.next(now), 17U);
  payload.sent(17, now);
  payload.answered(2);
  EXPECT_EQ(payload.next(now + 1s), 2U);
  EXPECT_EQ(payload.next(now + PathPayload::try_max), 17U);
}

TEST(PathPayload, OnlyItsOwnLossCountsAgainstATry) {
  PathPayload payload;
  payload.set_limit(17);
  const Instant now(1h);
  for (int i = 0; i < 2; ++i) payload.lost(17, now, now + 1s);
  payload.answered(2);
  payload.sent(17, now + 1s);
  EXPECT_FALSE(payload.lost(17, now, now + 2s));  // that was sent before
  payload.answered(2);
  EXPECT_EQ(payload.next(now + 2s), 2U);  // the try is still on its way
}

TEST(PathPayload, ALossIsForgottenWhenOneAsLargeIsAnswered) {
  const Instant now(1h);
  for (const unsigned answered : {16U, 17U}) {
    PathPayload payload;
    payload.set_limit(17);
    payload.lost(17, now, now + 1s);
    payload.answered(answered);
    payload.lost(17, now, now + 1s);
    EXPECT_EQ(payload.is_whole(), answered == 17);
  }
}

TEST(PathPayload, ShrinksFurtherWhereWhatHasPassedDoesNotAnyMore) {
  for (unsigned before = 3; before < 17; ++before) {
    for (unsigned after = 2; after < before; ++after) {
      Swallower path(before);
      path.until_changed();
      while (path.payload.size() < before) path.send();
      path.let_pass(after);
      path.until_changed();
      const Instant begin = path.now;
      while (path.payload.size() != after) {
        ASSERT_LT(path.now - begin, 1s) << before << " and then " << after;
        path.send();
      }
    }
  }
}

TEST(PathPayload, WhatWasAnsweredBeforeFramesWereSwallowedIsLearntAgain) {
  Swallower path(5);
  for (int i = 0; i < 2; ++i) path.payload.lost(17, path.now, path.now);
  path.payload.answered(14);
  ASSERT_EQ(path.payload.size(), 14U);
  path.until_changed();
  EXPECT_LE(path.payload.size(), 5U);
}

TEST(PathPayload, ChanceLossesOfASizeThatPassesChangeNothing) {
  Swallower path(8);
  path.until_changed();
  while (path.payload.size() < 8) path.send();
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(path.payload.lost(8, path.now, path.now));
  EXPECT_EQ(path.payload.size(), 2U);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(path.send());
  EXPECT_EQ(path.payload.size(), 8U);
}

TEST(PathPayload, AnotherLimitBeginsAgain) {
  Swallower path(2);
  path.until_changed();
  path.payload.set_limit(8);
  EXPECT_EQ(path.payload.size(), 8U);
  EXPECT_TRUE(path.payload.is_whole());
}

TEST(PathPayload, AnMtuOf1500IsNeverShrunk) {
  Swallower path(0, 2);
  EXPECT_GT(path.until_changed(), 1000);
  EXPECT_EQ(path.payload.size(), 2U);
}

}  // namespace
}  // namespace aoe::initiator
