#include "harness/judge/outstanding.h"

#include <gtest/gtest.h>

#include "harness/judge/exchanges.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

/// Frames at times in milliseconds, on a link that takes no time.
class OutstandingTest : public testing::Test {
 protected:
  FrameId sent(Direction direction, const FrameBytes& bytes, int at, bool arrives = true) {
    const Instant now{milliseconds(at)};
    LedgerEntry& entry = ledger.add(direction, bytes, now);
    exchanges.sent(entry, bytes, *decode(bytes));
    if (arrives) {
      entry.deliveries = 1;
      entry.delivered = now;
      exchanges.delivered(entry, target_port, now);
    }
    return entry.id;
  }
  FrameId ask(std::uint64_t lba, std::uint32_t tag, int at) {
    return sent(Direction::to_target, request_frame(read_command(lba), tag), at);
  }
  FrameId answer(std::uint32_t tag, int at, bool arrives = true) {
    return sent(Direction::to_initiator, reply_frame(tag), at, arrives);
  }
  std::uint64_t most(int from, int until, std::optional<Duration> slack = Duration{}) const {
    return most_outstanding(ledger, initiator_node, Instant(milliseconds(from)),
                            Instant(milliseconds(until)), slack)
        .most;
  }

  Ledger ledger{Instant{}};
  Exchanges exchanges{ledger, 16};
};

TEST_F(OutstandingTest, RequestsAreFromWhenTheyAreSentUntilTheyAreAnswered) {
  ask(0, 1, 10);
  ask(2, 2, 20);
  const FrameId third = ask(4, 3, 30);
  answer(1, 40);
  answer(2, 50);
  answer(3, 60);
  EXPECT_EQ(most(0, 10), 0U);
  EXPECT_EQ(most(0, 11), 1U);
  EXPECT_EQ(most(0, 100), 3U);
  EXPECT_EQ(most(39, 41), 3U) << "since before the span, and beyond it";
  EXPECT_EQ(most(40, 41), 2U);
  EXPECT_EQ(most(50, 100), 1U);
  EXPECT_EQ(most(60, 100), 0U);
  EXPECT_EQ(most_outstanding(ledger, initiator_node, Instant{}, never, Duration{}).frame, third);
}

TEST_F(OutstandingTest, AnAnswerMakesRoomForWhatIsSentAtThatInstant) {
  ask(0, 1, 10);
  answer(1, 20);
  ask(2, 2, 20);
  EXPECT_EQ(most(0, 100), 1U);
}

TEST_F(OutstandingTest, ARequestThatIsSentAgainIsStillOne) {
  ask(0, 1, 10);
  ask(0, 2, 2000);
  EXPECT_EQ(most(0, 2500), 1U);
  answer(1, 2600);  // late: the other one is waited for
  EXPECT_EQ(most(2600, 2700), 1U);
  answer(2, 2800);
  EXPECT_EQ(most(2800, 3000), 0U);
}

TEST_F(OutstandingTest, WhatIsLostIsUntilItsTimeoutIsOver) {
  const FrameId lost = ask(0, 1, 10);
  ASSERT_EQ(*ledger.due(lost), Instant(milliseconds(1010)));
  EXPECT_EQ(most(1009, 2000), 1U);
  EXPECT_EQ(most(1010, 2000), 0U);
  EXPECT_EQ(most(1005, 2000, milliseconds(5)), 0U) << "which may have been seen late";
  EXPECT_EQ(most(0, 2000, std::nullopt), 0U) << "or is nobody's to know";
  answer(1, 1020, false);
  EXPECT_EQ(most(1010, 2000), 0U) << "an answer that is lost makes no difference";
}

TEST_F(OutstandingTest, QueriesAndWhatAScenarioSendsAreNone) {
  sent(Direction::to_target, query_frame(), 10);
  ledger[ask(0, 1, 20)].injected = true;
  EXPECT_EQ(most(0, 100), 0U);
}

}  // namespace
}  // namespace aoe::harness
