#include "harness/judge/answer_rules.h"

#include <array>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/language/clauses.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

const Answerer here{server_mac, disk};
constexpr std::uint32_t tag = 0x5c000001;

FrameBytes request(const Body& body) {
  return frame_of({server_mac, client_mac, disk, tag}, body);
}

FrameBytes answer(const Body& body) {
  return frame_of({client_mac, server_mac, disk, tag}, body);
}

/// Which of all rules an answer breaks; "none".
std::string judged(const FrameBytes& request, const FrameBytes& answer) {
  std::string broken;
  for (const Clause& clause : clause_catalogue().clauses) {
    const auto finding = broken_answer_rule(std::array{clause.id}, request, answer, here);
    if (finding) broken += (broken.empty() ? "" : "; ") + describe(*finding);
  }
  return broken.empty() ? "none" : broken;
}

const FrameBytes query = request(ConfigRequest{});
const FrameBytes reply = answer(ConfigReply{.buffer_count = 16});

/// The answer to the query, with one byte that is not as it should be.
std::string judged_with(std::size_t at, std::uint8_t value) {
  FrameBytes changed = reply;
  changed[at] = value;
  return judged(query, changed);
}

TEST(AnswerRules, ARightAnswerBreaksNone) {
  EXPECT_EQ(judged(query, reply), "none");
  FrameBytes sectors(2 * sector_size, 0x77);
  EXPECT_EQ(judged(request(read_command(5)),
                   answer(AtaReply{.status = ata::status_drdy, .data = sectors})),
            "none");
  EXPECT_EQ(judged(request(flush_command()), answer(AtaReply{.status = ata::status_drdy})), "none");
  FrameBytes room(64);
  EXPECT_EQ(judged(request(ReserveRequest{}),
                   answer(ReserveReply{.macs = pack(std::array{other_mac}, room)})),
            "none");
  EXPECT_EQ(judged(request(MaskRequest{}), answer(MaskReply{})), "none");
  EXPECT_EQ(judged(query, answer(ErrorReply{1, ErrorCode::bad_argument})), "none");
}

TEST(AnswerRules, EachFindsItsField) {
  EXPECT_EQ(judged_with(0, 0x06),
            "destination: expected 02:00:00:00:00:01, got 06:00:00:00:00:01 (2/1)");
  EXPECT_EQ(judged_with(11, 9), "source: expected 02:00:00:00:00:02, got 02:00:00:00:00:09 (2/2)");
  EXPECT_EQ(judged_with(14, 0x10), "flag R: expected set, got clear (2/3)");
  EXPECT_EQ(judged_with(14, 0x08), "version: expected 1, got 0 (2/4)");
  EXPECT_EQ(judged_with(14, 0x1a), "the reserved flags: expected 0, got 2 (2/5)");
  EXPECT_EQ(judged_with(19, 2), "command: expected config (1), got mask (2) (2/6)");
  EXPECT_EQ(judged_with(18, 0xff), "shelf and slot: expected 1.1, got 1.255 (2/8)");
  EXPECT_EQ(judged_with(15, 3), "the error byte without flag E: expected 0, got 3 (2/16)");
  EXPECT_EQ(judged_with(59, 0x5a),
            "byte 59, behind the last field: expected 0x00, or the request's, got 0x5a (2/18)");
  EXPECT_EQ(judged(query, FrameBytes(reply.begin(), reply.begin() + 32)),
            "size: expected 60 bytes or more, got 32 (2/15)");
}

TEST(AnswerRules, AnErrorEchoesItsRequestAndNothingElse) {
  FrameBytes error = answer(ErrorReply{1, ErrorCode::bad_argument});
  FrameBytes asked = query;
  asked[40] = error[40] = 0x61;
  EXPECT_EQ(judged(asked, error), "none");
  error[40] = 0x62;
  EXPECT_EQ(judged(asked, error),
            "byte 40 of an error: expected 0x00, or the request's, got 0x62 (2.4/5)");
}

TEST(AnswerRules, TheReservedBytesOfAtaAreZero) {
  FrameBytes done = answer(AtaReply{.status = ata::status_drdy});
  done[35] = 1;
  EXPECT_EQ(judged(request(flush_command()), done),
            "the reserved bytes of an ATA answer: expected 0, got 1 (3.1/21)");
}

TEST(AnswerRules, AFailedReadBringsNothingBehindItsRegisters) {
  FrameBytes sectors(2 * sector_size, 0x77);
  const AtaReply failed{
      .error = ata::error_unc, .status = ata::status_drdy | ata::status_err, .data = sectors};
  EXPECT_EQ(judged(request(read_command(5)), answer(failed)),
            "byte 36, behind the last field: expected 0x00, or the request's, got 0x77 (2/18)");
}

TEST(AnswerRules, FlagEGoesWithAnErrorThatThereIs) {
  FrameBytes error = answer(ErrorReply{1, ErrorCode::bad_argument});
  error[15] = 0;
  EXPECT_EQ(judged(query, error), "error: expected 1 to 6, with flag E, got 0 (2.4/3)");
  error[15] = 7;
  EXPECT_EQ(judged(query, error), "error: expected 1 to 6, with flag E, got 7 (2.4/3)");
}

TEST(AnswerRules, ASuccessBringsAllThatItSays) {
  FrameBytes sector(sector_size, 0x77);
  const AtaReply half{.status = ata::status_drdy, .data = sector};
  EXPECT_EQ(judged(request(read_command(5)), answer(half)),
            "size: expected 1060 bytes or more, got 548 (3.1/1)");
  FrameBytes longer = reply;
  longer[31] = 29;
  EXPECT_EQ(judged(query, longer), "size: expected 61 bytes or more, got 60 (3.2/9)");
}

TEST(AnswerRules, ASuccessLeavesNothingUndone) {
  EXPECT_EQ(judged(request(flush_command()),
                   answer(AtaReply{.sectors_left = 1, .status = ata::status_drdy})),
            "ata.count: expected 0, got 1 (3.1/3)");
}

TEST(AnswerRules, WhatIsNoFailureHasTheStatusOfASuccess) {
  const auto of = [](unsigned status) {
    return judged(request(flush_command()),
                  answer(AtaReply{.error = 4, .status = static_cast<std::uint8_t>(status)}));
  };
  EXPECT_EQ(of(ata::status_drdy | ata::status_err), "none");
  for (const unsigned status : {0x00U, 0xc0U, 0x48U}) {
    EXPECT_TRUE(
        of(status).starts_with("ata.status: expected DRDY without BSY and DRQ, or ERR or DF"))
        << of(status);
  }
}

TEST(AnswerRules, AConfigAnswerSpeaksVersion1) {
  EXPECT_EQ(judged_with(29, 0x20), "config.version: expected 1, got 2 (3.2/13)");
}

TEST(AnswerRules, WhatNobodyCitesIsNotJudged) {
  FrameBytes wrong = reply;
  wrong[14] = 0x08;
  const std::vector<std::string> others{"2/5", "3.1/5", "profile/window"};
  EXPECT_FALSE(broken_answer_rule(others, query, wrong, here));
}

}  // namespace
}  // namespace aoe::harness
