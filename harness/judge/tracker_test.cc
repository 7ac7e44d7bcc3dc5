#include "harness/judge/tracker.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::seconds;

/// Requests as they are sent, at times in seconds.
class TrackerTest : public testing::Test {
 protected:
  Tracker::Sent send(Tracker& tracker, std::uint64_t lba, std::uint32_t tag, int at = 0,
                     Tracker::Remote remote = 0) {
    LedgerEntry& entry = ledger.add(Direction::to_target, request_frame(read_command(lba), tag),
                                    Instant(seconds(at)));
    return tracker.send(
        {.id = entry.id, .key = tag, .question = Tracker::question_of(entry), .remote = remote},
        entry);
  }
  std::optional<FrameId> repeated() const { return ledger[ledger.size() - 1].repeats; }

  Ledger ledger{Instant{}};
  Tracker live{ledger, Tracker::live};
  Tracker capture{ledger, Tracker::capture};
};

TEST_F(TrackerTest, AQuestionIsTheSameInAllItsTransmissions) {
  const auto question = [&](const AtaRequest& request, std::uint64_t whom = 0) {
    return Tracker::question_of(
        ledger.add(Direction::to_target, request_frame(request, 1), Instant{}), whom);
  };
  EXPECT_EQ(question(read_command(2)), question(read_command(2)));
  EXPECT_NE(question(read_command(2)), question(read_command(4)));
  EXPECT_NE(question(read_command(2, 1)), question(read_command(2, 2)));
  EXPECT_NE(question(read_command(2)), question(write_command(2)));
  EXPECT_NE(question(read_command(2)), question(read_command(2), 1));
}

TEST_F(TrackerTest, AnOpenQuestionThatIsAskedAgainIsARetransmission) {
  send(live, 2, 1);
  EXPECT_EQ(repeated(), std::nullopt);
  send(live, 2, 2);
  EXPECT_EQ(repeated(), 0U);
  EXPECT_EQ(ledger[0].repeated_by, 1U);
  EXPECT_EQ(live.find(2)->attempt, 2U);
  send(live, 2, 2);
  EXPECT_EQ(repeated(), 1U) << "of the latest transmission";
  EXPECT_EQ(live.retransmissions(), 2U);
  live.answer(*live.find(2));
  send(live, 2, 3);
  EXPECT_EQ(repeated(), std::nullopt);
}

TEST_F(TrackerTest, WhatWaitsIsThereInItsOrder) {
  for (std::uint32_t tag = 1; tag <= 8; ++tag) send(capture, 2 * tag, tag);
  for (const std::uint32_t tag : {1U, 4U, 2U, 8U, 3U}) capture.answer(*capture.find(tag));
  send(capture, 100, 9);
  std::vector<std::uint64_t> keys;
  for (const Tracker::Index index : capture.waiting_at(0)) keys.push_back(capture[index].key);
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{5, 6, 7, 9}));
  for (const std::uint64_t tag : keys)
    capture.answer(*capture.find(static_cast<std::uint32_t>(tag)));
  EXPECT_EQ(capture.waiting(0), 0U);
  EXPECT_EQ(capture.waiting(), 0U);
}

/// Memory does not grow with a capture.
TEST_F(TrackerTest, OfManyThatWaitTheOldestAreGivenUp) {
  Tracker::Policy policy{
      .losses_seen = false, .remembered = 4, .most = 8, .waiting = 3, .patience = seconds(60)};
  for (const std::size_t waiting : {std::size_t{3}, Tracker::no_limit}) {
    policy.waiting = waiting;
    Tracker few(ledger, policy);
    std::set<Tracker::Index> places;
    for (std::uint32_t tag = 1; tag <= 100; ++tag) places.insert(send(few, 2 * tag, tag).index);
    EXPECT_EQ(places.size(), waiting == 3 ? 4U : 8U);
    EXPECT_EQ(few.waiting(0), waiting == 3 ? 3U : 8U);
    EXPECT_EQ(few.open(), few.waiting(0));
    EXPECT_EQ(few.find(1), nullptr);
    EXPECT_NE(few.find(100), nullptr);
  }
}

TEST_F(TrackerTest, ARequestTakesTheRoomOfTheOneThatItRepeats) {
  EXPECT_TRUE(send(live, 2, 1).adds);
  EXPECT_TRUE(send(live, 4, 2).adds);
  EXPECT_FALSE(send(live, 2, 3).adds);
  EXPECT_EQ(live.waiting(0), 2U);
  EXPECT_TRUE(send(live, 2, 4, 0, 1).adds) << "at another remote";
  EXPECT_EQ(live.waiting(0), 1U);
  EXPECT_EQ(live.waiting(1), 1U);
  live.free_room();
  EXPECT_EQ(live.waiting(), 0U);
  EXPECT_EQ(live.open(), 2U);
  EXPECT_TRUE(send(live, 4, 5).adds) << "it had no room any more";
  live.abandon(0);
  EXPECT_EQ(live.waiting(0), 0U);
  EXPECT_FALSE(live.find(5)->awaited);
}

TEST_F(TrackerTest, ATagIsHeldUntilItsQuestionIsAnswered) {
  send(live, 2, 1);
  EXPECT_EQ(send(live, 4, 1).tag_holder, 0U);
  EXPECT_EQ(send(live, 4, 1).tag_holder, std::nullopt) << "the same question";
  live.answer(*live.find(1));
  EXPECT_EQ(send(live, 6, 1).tag_holder, std::nullopt);
}

TEST_F(TrackerTest, WhereLossesAreSeenAnAnswerToAnEarlierTransmissionLeavesTheQuestionOpen) {
  for (Tracker* const tracker : {&live, &capture}) {
    send(*tracker, 2, 1);
    send(*tracker, 2, 2);
    tracker->answer(*tracker->find(1));
  }
  EXPECT_EQ(live.open(), 1U);
  EXPECT_EQ(capture.open(), 0U);
}

TEST_F(TrackerTest, WhereLossesAreSeenRepliesAreDueToWhatArrivedWithTheTag) {
  send(live, 2, 1);
  live.find(1)->arrivals = 2;
  live.find(1)->answers = 1;
  send(live, 2, 1);
  EXPECT_EQ(live.find(1)->arrivals, 2U);
  EXPECT_EQ(live.find(1)->answers, 1U);
}

TEST_F(TrackerTest, InACaptureEachTransmissionMayHaveArrived) {
  send(capture, 2, 1);
  EXPECT_EQ(capture.find(1)->arrivals, 1U);
  send(capture, 2, 1);
  EXPECT_EQ(capture.find(1)->arrivals, 2U);
  send(capture, 2, 2);
  EXPECT_EQ(capture.find(2)->arrivals, 1U);
}

TEST_F(TrackerTest, InACaptureAnAnsweredQuestionWithTheSameTagIsAskedAgain) {
  send(capture, 2, 1);
  capture.answer(*capture.find(1));
  send(capture, 2, 1);
  EXPECT_EQ(repeated(), std::nullopt);
  EXPECT_EQ(capture.find(1)->arrivals, 1U);
}

TEST_F(TrackerTest, InACaptureARequestIsGivenUpAfterAMinute) {
  send(capture, 2, 1);
  EXPECT_EQ(send(capture, 4, 1, 60).tag_holder, std::nullopt);
  EXPECT_EQ(capture.waiting(0), 2U);
  send(capture, 6, 2, 61);
  EXPECT_EQ(capture.waiting(0), 2U) << "the first takes no room any more";
  send(capture, 2, 3, 62);
  EXPECT_EQ(repeated(), std::nullopt);
}

TEST_F(TrackerTest, ForgetsTheOldestButNoneThatWaits) {
  send(live, 2, 1);
  for (std::uint32_t tag = 10; tag < 3000; ++tag) {
    send(live, 1000 + tag, tag);
    live.answer(*live.find(tag));
  }
  EXPECT_TRUE(live.has_forgotten());
  EXPECT_EQ(live.find(10), nullptr);
  EXPECT_NE(live.find(2999), nullptr);
  EXPECT_EQ(live.find(1)->id, 0U);
  EXPECT_LE(live.requests().size(), Tracker::live.remembered);
}

}  // namespace
}  // namespace aoe::harness
