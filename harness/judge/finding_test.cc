#include "harness/judge/finding.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

TEST(Finding, HasTheClauseOfItsRuleOrACloserOne) {
  const Finding plain = make_finding("accepted", "a count of 0", {3, 7});
  EXPECT_EQ(plain.rule, "accepted");
  EXPECT_EQ(plain.clause, "3.1/5");
  EXPECT_EQ(plain.frame(), 7U);
  EXPECT_TRUE(plain.certain);
  EXPECT_EQ(make_finding("accepted", "a count of 0", {3, 7}, "3.1/6").clause, "3.1/6");
}

TEST(Finding, HasTheLevelOfItsClauseUnlessNobodyDidWrong) {
  EXPECT_EQ(level_of(make_finding("tag-in-use", "", {1})), Level::must);
  EXPECT_EQ(level_of(make_finding("short-frame", "", {1})), Level::should);
  EXPECT_EQ(level_of(make_finding("retransmitted", "", {1})), Level::info);
  EXPECT_EQ(level_of({.rule = "expect"}), Level::info) << "the word of a step";
}

TEST(Finding, OfDataHasTheWriteTheReadAndTheirAnswers) {
  Ledger ledger{Instant{}};
  const auto ask = [&](const AtaRequest& request, std::uint32_t tag) {
    ledger.add(Direction::to_target, request_frame(request, tag), Instant{});
  };
  const auto answer = [&](std::uint32_t tag, std::uint64_t lba) {
    ledger.add(Direction::to_initiator, reply_frame(tag, lba), Instant{});
  };
  ask(read_command(2), 1);   // 0: before the write
  answer(1, 2);              // 1
  ask(write_command(2), 2);  // 2
  ask(write_command(9), 3);  // 3: of another sector
  answer(2, 2);              // 4
  ask(read_command(2), 4);   // 5
  answer(4, 2);              // 6
  EXPECT_EQ(frames_about(ledger, disk, 2), (std::vector<FrameId>{2, 4, 5, 6}));
  EXPECT_EQ(frames_about(ledger, disk, 9), std::vector<FrameId>{3});
  EXPECT_EQ(frames_about(ledger, disk, 77), std::vector<FrameId>{});
}

TEST(Finding, ItsFramesHaveTheirBytes) {
  Ledger ledger{Instant{}};
  ledger.keep_bytes(10'000);
  const FrameBytes frame = request_frame(read_command(2), 7);
  ledger.add(Direction::to_target, frame, Instant{});
  ledger.add(Direction::to_initiator, reply_frame(7, 2), Instant{});
  const auto ladder = ladder_of(ledger, {0});
  ASSERT_EQ(ladder.size(), 1U);
  EXPECT_EQ(ladder[0].bytes, to_hex(frame));
  EXPECT_EQ(ladder_of(ledger, {1})[0].bytes, "") << "it is not about this one";
}

}  // namespace
}  // namespace aoe::harness
