#include "harness/judge/exchanges.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Frames as they pass the link, at times in microseconds. A link of 100 µs each way where a test
/// does not say otherwise.
class ExchangesTest : public testing::Test {
 protected:
  FrameId sent(Direction direction, const FrameBytes& bytes, std::int64_t at) {
    LedgerEntry& entry = ledger.add(direction, bytes, Instant(microseconds(at)));
    exchanges.sent(entry, bytes, *decode(bytes));
    return entry.id;
  }
  void arrived(FrameId id, std::int64_t at) {
    const Instant now{microseconds(at)};
    if (++ledger[id].deliveries == 1) ledger[id].delivered = now;
    exchanges.delivered(ledger[id], target_port, now);
  }
  /// A request that nothing has become of yet; one that arrives.
  FrameId ask(const AtaRequest& request, std::uint32_t tag, std::int64_t at,
              Mac target = server_mac) {
    return sent(Direction::to_target, request_frame(request, tag, target), at);
  }
  FrameId ask_well(const AtaRequest& request, std::uint32_t tag, std::int64_t at,
                   Mac target = server_mac) {
    const FrameId id = ask(request, tag, at, target);
    arrived(id, at + 100);
    return id;
  }
  /// A frame that went this way arrives as another one.
  void altered(Direction direction, const Frame& frame, Instant now) {
    LedgerEntry entry;
    entry.direction = direction;
    exchanges.delivered_altered(entry, frame, target_port, now);
  }
  FrameId answer(std::uint32_t tag, std::int64_t at) {
    return sent(Direction::to_initiator, reply_frame(tag), at);
  }
  FrameId answer_well(std::uint32_t tag, std::int64_t at) {
    const FrameId id = answer(tag, at);
    arrived(id, at + 100);
    return id;
  }
  /// A request and its answer, 200 µs of round trip; so many that the timeout is 100 ms.
  void warm_up() {
    for (std::uint32_t i = 0; i < 10; ++i) {
      ask_well(read_command(1000 + i), 0x100 + i, clock);
      answer_well(0x100 + i, clock + 100);
      clock += 1000;
    }
  }

  std::string violations() const {
    std::string lines;
    for (const Finding& finding : exchanges.findings())
      lines += (lines.empty() ? "" : "\n") + finding.rule + ": " + finding.actual;
    return lines;
  }
  Duration timeout_of(FrameId id) const { return *ledger.due(id) - ledger[id].sent; }

  std::int64_t clock = 0;
  Ledger ledger{Instant{}};
  Exchanges exchanges{ledger, 4};
};

// Who repeats whom.

TEST_F(ExchangesTest, WhatIsAskedAgainWithANewTagIsARetransmission) {
  const FrameId lost = ask(read_command(2), 1, 0);
  const FrameId again = ask_well(read_command(2), 2, 1'000'000);
  EXPECT_EQ(ledger[again].repeats, lost);
  EXPECT_EQ(ledger[lost].repeated_by, again);
  EXPECT_EQ(exchanges.retransmissions(), 1U);
  EXPECT_EQ(exchanges.open(), 1U);
  answer_well(2, 1'000'200);
  EXPECT_EQ(exchanges.open(), 0U);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, AndSoIsWhatIsAskedAgainWithTheSameTag) {
  const FrameId lost = ask(read_command(2), 1, 0);
  const FrameId again = ask_well(read_command(2), 1, 1'000'000);
  EXPECT_EQ(ledger[again].repeats, lost);
  answer_well(1, 1'000'200);
  EXPECT_EQ(exchanges.open(), 0U);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, WithTheSameTagTheTargetMayAnswerEitherTransmission) {
  ask_well(read_command(2), 1, 0);
  ask(read_command(2), 1, 1'000'000);  // lost
  answer_well(1, 1'000'200);           // to the first, late
  EXPECT_EQ(violations(), "");
  answer(1, 1'000'300);
  EXPECT_EQ(violations(),
            "no-unasked-reply: #3 (e1.1 ATA reply ok lba 0 left 0 tag 00000001) is reply 2 to #1; "
            "copies of it that had arrived: 1");
}

TEST_F(ExchangesTest, WhatDiffersInAnythingIsARequestOfItsOwn) {
  ask(read_command(2, 2), 1, 0);
  ask(read_command(2, 1), 2, 0);
  ask(read_command(4, 2), 3, 0);
  ask(write_command(2), 4, 0);
  EXPECT_EQ(exchanges.retransmissions(), 0U);
  EXPECT_EQ(exchanges.open(), 4U);
}

TEST_F(ExchangesTest, WhatWasAnsweredAndIsAskedAgainIsNoRetransmission) {
  ask_well(read_command(2), 1, 0);
  answer_well(1, 100);
  ask(read_command(2), 2, 300);
  EXPECT_EQ(exchanges.retransmissions(), 0U);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, AnAnswerToAnEarlierTransmissionLeavesTheRequestOpen) {
  ask_well(read_command(2), 1, 0);
  ask_well(read_command(2), 2, 1'000'000);
  answer_well(1, 1'000'050);  // late: the initiator waits for the answer to tag 2
  EXPECT_EQ(exchanges.open(), 1U);
  answer_well(2, 1'000'200);
  EXPECT_EQ(exchanges.open(), 0U);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, AReplyIsTracedToItsRequest) {
  const FrameId request = ask_well(read_command(2), 1, 0);
  const FrameId reply = answer(1, 100);
  EXPECT_EQ(ledger[reply].answers, request);
  EXPECT_EQ(ledger[request].answers, std::nullopt);
  EXPECT_EQ(ledger.due(reply), std::nullopt);
}

TEST_F(ExchangesTest, TheTrafficOfAReplyIsThatOfItsRequest) {
  const auto traffic = [&](FrameId id) { return ledger.subject(ledger[id]).traffic; };
  EXPECT_EQ(traffic(ask_well(write_command(2), 1, 0)), Traffic::write);
  EXPECT_EQ(traffic(answer(1, 100)), Traffic::write);
  EXPECT_EQ(traffic(answer(9, 100)), Traffic::ata);
  EXPECT_EQ(traffic(ask(flush_command(), 9, 200)), Traffic::flush);
  EXPECT_EQ(traffic(sent(Direction::to_target, query_frame(), 200)), Traffic::config);
}

// Timeouts.

TEST_F(ExchangesTest, TheTimeoutComesFromTheRoundTripsSeen) {
  EXPECT_EQ(timeout_of(ask_well(read_command(0), 1, 0)), seconds(1));
  answer(1, 150'000);
  arrived(1, 200'000);  // 200 ms
  EXPECT_EQ(exchanges.srtt(), milliseconds(200));
  EXPECT_EQ(exchanges.rto(), milliseconds(600));
  EXPECT_EQ(timeout_of(ask(read_command(2), 2, 300'000)), milliseconds(600));
  EXPECT_EQ(timeout_of(ask(read_command(2), 3, 900'000)), milliseconds(1200)) << "doubled";
}

TEST_F(ExchangesTest, EachTargetAddressHasATimeoutOfItsOwn) {
  warm_up();
  EXPECT_EQ(timeout_of(ask(read_command(0), 1, clock)), milliseconds(100));
  EXPECT_EQ(timeout_of(ask(read_command(2), 2, clock, other_mac)), seconds(1));
  EXPECT_EQ(exchanges.rto(), seconds(1)) << "of the one asked last";
}

TEST_F(ExchangesTest, AFlushHasASecondAtLeastAndIsNoSample) {
  warm_up();
  const FrameId flush = ask_well(flush_command(), 1, clock);
  EXPECT_EQ(timeout_of(flush), seconds(1));
  answer_well(1, clock + 900'000);
  EXPECT_EQ(exchanges.srtt(), microseconds(200));
}

TEST_F(ExchangesTest, ALateAnswerIsASampleAndASecondAnswerIsNone) {
  ask_well(read_command(2), 1, 0);
  ask_well(read_command(2), 2, 1'000'000);
  answer_well(1, 1'999'900);
  EXPECT_EQ(exchanges.srtt(), seconds(2));
  answer_well(1, 5'000'000);
  EXPECT_EQ(exchanges.srtt(), seconds(2));
}

TEST_F(ExchangesTest, ARepetitionBeforeItsTimeoutIsReported) {
  warm_up();
  ask(read_command(2), 1, clock);
  ask(read_command(2), 2, clock + 99'999);
  EXPECT_EQ(violations(),
            "no-early-retransmit: #21 (e1.1 READ EXT lba 2+2 tag 00000002) repeats #20 after "
            "99.999ms, its timeout is 100ms");
  EXPECT_EQ(exchanges.findings()[0].frames, (std::vector<FrameId>{20, 21}));
}

TEST_F(ExchangesTest, AtItsTimeoutItIsNot) {
  warm_up();
  ask(read_command(2), 1, clock);
  ask(read_command(2), 2, clock + 100'000);
  ask(read_command(2), 3, clock + 300'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(2), 4, clock + 699'999);
  EXPECT_EQ(violations(),
            "no-early-retransmit: #23 (e1.1 READ EXT lba 2+2 tag 00000004) repeats #22 after "
            "399.999ms, its timeout is 400ms");
}

TEST_F(ExchangesTest, SlackIsForgivenAndNoMore) {
  warm_up();
  exchanges.allow(milliseconds(20));
  ask(read_command(2), 1, clock);
  ask(read_command(2), 2, clock + 80'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(4), 3, clock);
  ask(read_command(4), 4, clock + 79'999);
  EXPECT_EQ(violations(),
            "no-early-retransmit: #23 (e1.1 READ EXT lba 4+2 tag 00000004) repeats #22 after "
            "79.999ms, its timeout is 100ms");
}

// What others have overtaken.

TEST_F(ExchangesTest, ARepetitionOfWhatWasOvertakenNeedNotWaitForTheTimeout) {
  warm_up();
  ask(read_command(2), 1, clock);
  ask_well(read_command(4), 2, clock + 10);
  answer_well(2, clock + 110);  // there at 210
  ask(read_command(2), 3, clock + 1210);
  EXPECT_EQ(violations(), "") << "1 ms after it was overtaken";
}

TEST_F(ExchangesTest, NorDoesItGoAtOnce) {
  warm_up();
  ask(read_command(2), 1, clock);
  ask_well(read_command(4), 2, clock + 10);
  answer_well(2, clock + 110);
  ask(read_command(2), 3, clock + 1209);
  EXPECT_EQ(violations(),
            "no-early-retransmit: #23 (e1.1 READ EXT lba 2+2 tag 00000003) repeats #20 after "
            "1.209ms, its timeout is 100ms");
}

TEST_F(ExchangesTest, TheSecondRepetitionWaitsEightTimesAsLong) {
  warm_up();
  for (const std::int64_t second : {9500, 9499}) {
    ask(read_command(2), 1, clock);
    ask_well(read_command(4), 2, clock + 10);
    answer_well(2, clock + 110);
    ask_well(read_command(2), 3, clock + 1210);
    ask_well(read_command(6), 4, clock + 1300);
    answer_well(4, clock + 1400);  // there at 1500
    EXPECT_EQ(violations(), "");
    ask_well(read_command(2), 5, clock + second);
    answer_well(5, clock + second + 100);
    clock += 1'000'000;
  }
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, OnlyAnswersToLaterRequestsOvertakeAndOnlyAtTheSameTarget) {
  warm_up();
  ask_well(read_command(4), 1, clock);
  ask(read_command(2), 2, clock + 10);
  answer_well(1, clock + 110);
  ask_well(read_command(6), 3, clock + 20, other_mac);
  answer_well(3, clock + 120);
  ask(read_command(2), 4, clock + 50'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, WhatALateAnswerHasEndedMayBeAskedForAnew) {
  warm_up();
  ask_well(read_command(2), 1, clock);
  ask(read_command(2), 2, clock + 100'000);
  ask(read_command(2), 3, clock + 110'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
  answer_well(1, clock + 120'000);
  ask(read_command(2), 4, clock + 130'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, AndSoMayWhatWasAskedForInPieces) {
  warm_up();
  ask(read_command(0, 16), 1, clock);
  ask(read_command(0, 16), 2, clock + 100'000);
  for (std::uint32_t i = 0; i < 8; ++i) {
    ask_well(read_command(2 * i), 10 + i, clock + 110'000);
    answer_well(10 + i, clock + 110'100);
  }
  ask(read_command(0, 16), 3, clock + 111'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(0, 16), 4, clock + 112'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

// A target that was away, and has said who it is.

TEST_F(ExchangesTest, WhatATargetMissedMayBeSentAgainWhenItIsBack) {
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  warm_up();
  ask(read_command(2), 1, clock);
  ask(read_command(2), 2, clock + 100'000);
  ask(read_command(2), 3, clock + 300'000);  // 400 ms
  ask_well(identify, 9, clock + 350'000);
  answer_well(9, clock + 350'100);
  ask(read_command(2), 4, clock + 400'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(2), 5, clock + 500'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U) << "that was asked before";
}

TEST_F(ExchangesTest, AFlushThatItMissedMayAsWell) {
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  warm_up();
  ask(flush_command(), 1, clock);
  ask(flush_command(), 2, clock + 1'000'000);  // 2 s
  ask_well(identify, 9, clock + 2'100'000);
  answer_well(9, clock + 2'100'100);
  ask(flush_command(), 3, clock + 2'100'200);
  EXPECT_EQ(violations(), "");
  ask_well(identify, 10, clock + 2'200'000);
  answer_well(10, clock + 2'200'100);
  ask(flush_command(), 4, clock + 3'000'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U) << "within a second";
}

TEST_F(ExchangesTest, WhoAnswersAQueryMayBeAskedWhoItIsAgain) {
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  const FrameBytes told = frame_of({client_mac, server_mac, disk, 0x99},
                                   ConfigReply{.buffer_count = 16, .sector_count = 2});
  warm_up();
  ask(identify, 1, clock);
  ask(identify, 2, clock + 100'000);
  ask(identify, 3, clock + 300'000);  // 400 ms
  exchanges.delivered_config(*decode(told), initiator_port, Instant(microseconds(clock + 350'000)));
  ask(identify, 4, clock + 400'000);
  EXPECT_EQ(violations(), "");
  ask(identify, 5, clock + 450'000);  // 100 ms, and no other answer
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, AtEachOfItsAddresses) {
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  const FrameBytes told = frame_of({client_mac, other_mac, disk, 0x99},
                                   ConfigReply{.buffer_count = 16, .sector_count = 2});
  warm_up();
  ask(identify, 1, clock);
  ask(identify, 2, clock + 100'000);
  exchanges.delivered_config(*decode(told), initiator_port, Instant(microseconds(clock + 110'000)));
  ask(identify, 3, clock + 110'000);
  EXPECT_EQ(violations(), "");
  ask(identify, 4, clock + 150'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, OneFlushMayGoSeveralTimesToTheAddressThatIsLeft) {
  warm_up();
  ask(flush_command(), 1, clock);
  ask(flush_command(), 2, clock + 10);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U) << "not to the only one there was";
  ask_well(read_command(0), 3, clock, other_mac);
  ask(flush_command(), 4, clock + 20);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, ButNotBeforeAFirstTimeoutHasPassed) {
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  warm_up();
  ask(read_command(2), 1, clock);
  ask(read_command(4), 2, clock);
  ask(read_command(4), 3, clock + 100'000);
  ask_well(identify, 9, clock + 100'010);
  answer_well(9, clock + 100'200);
  ask(read_command(4), 4, clock + 105'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, AFlushIsNeverOvertaken) {
  warm_up();
  ask(flush_command(), 1, clock);
  ask_well(read_command(4), 2, clock + 10);
  answer_well(2, clock + 110);
  ask(flush_command(), 3, clock + 500'000);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U);
}

TEST_F(ExchangesTest, AfterItsPortHasChangedAnInitiatorMaySendAllAgain) {
  warm_up();
  ask(read_command(2), 1, clock);
  exchanges.port_changed(Instant(microseconds(clock + 5)));
  ask(read_command(2), 2, clock + 6);
  EXPECT_EQ(violations(), "");
  ask(read_command(2), 3, clock + 7);
  EXPECT_EQ(exchanges.count(Check::no_early_retransmit), 1U) << "not twice";
}

TEST_F(ExchangesTest, AndMayHaveForgottenHowLongAnswersTook) {
  ask_well(read_command(2), 1, 0);
  exchanges.port_changed(Instant(milliseconds(1)));
  arrived(answer(1, 900'000), 900'000);
  EXPECT_EQ(timeout_of(ask(read_command(4), 2, 900'000)), seconds(1)) << "as at first";
  answer_well(2, 900'100);
  EXPECT_EQ(timeout_of(ask(read_command(6), 3, 900'200)), milliseconds(100))
      << "by what came since";
}

TEST_F(ExchangesTest, TheLinuxDriverHasATimeoutOfItsOwnAndOvertakesNothing) {
  Exchanges linux_exchanges(ledger, 4, RtoModel::Profile::linux_driver);
  LedgerEntry& first = ledger.add(Direction::to_target, request_frame(read_command(2), 1), {});
  const FrameBytes bytes = request_frame(read_command(2), 1);
  linux_exchanges.sent(first, bytes, *decode(bytes));
  EXPECT_EQ(ledger.due(first.id), Instant(milliseconds(16'500)));
}

// Replies.

TEST_F(ExchangesTest, AReplyWhoseTagNobodyUsedIsUnasked) {
  answer(7, 0);
  EXPECT_EQ(violations(),
            "no-unasked-reply: #0 (e1.1 ATA reply ok lba 0 left 0 tag 00000007) has a tag that no "
            "request had");
}

TEST_F(ExchangesTest, AReplyToARequestThatNeverArrivedIsUnasked) {
  ask(read_command(2), 1, 0);
  answer(1, 100);
  EXPECT_EQ(violations(),
            "no-unasked-reply: #1 (e1.1 ATA reply ok lba 0 left 0 tag 00000001) is reply 1 to #0; "
            "copies of it that had arrived: 0");
}

TEST_F(ExchangesTest, TwoRepliesToOneRequestAreOneTooMany) {
  ask_well(read_command(2), 1, 0);
  answer(1, 100);
  EXPECT_EQ(violations(), "");
  answer(1, 110);
  EXPECT_EQ(violations(),
            "no-unasked-reply: #2 (e1.1 ATA reply ok lba 0 left 0 tag 00000001) is reply 2 to #0; "
            "copies of it that had arrived: 1");
}

TEST_F(ExchangesTest, TwoRepliesToARequestThatArrivedTwiceAreRight) {
  const FrameId request = ask_well(read_command(2), 1, 0);
  arrived(request, 110);
  answer(1, 120);
  answer(1, 130);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, AReplyGoesToWhoAskedFromWhomItAsked) {
  ask_well(read_command(2), 1, 0);
  sent(Direction::to_initiator,
       frame_of({other_mac, server_mac, disk, 1}, AtaReply{.status = 0x40}), 100);
  EXPECT_EQ(violations(),
            "no-unasked-reply: #1 (e1.1 ATA reply ok lba 0 left 0 tag 00000001) answers #0 (e1.1 "
            "READ EXT lba 2+2 tag 00000001), and goes to 02:00:00:00:00:03 instead of "
            "02:00:00:00:00:01");
  ask_well(read_command(4), 2, 200);
  sent(Direction::to_initiator,
       frame_of({client_mac, server_mac, {1, 2}, 2}, AtaReply{.status = 0x40}), 300);
  EXPECT_EQ(
      exchanges.findings()[1].actual,
      "#3 (e1.2 ATA reply ok lba 0 left 0 tag 00000002) answers #2 (e1.1 READ EXT lba 4+2 tag "
      "00000002), and has the address e1.2");
}

TEST_F(ExchangesTest, ARequestThatIsForgottenCanStillBeAnswered) {
  const FrameId late = ask_well(read_command(2), 1, 0);
  exchanges.abandon(disk);
  const auto others = [&](std::uint32_t from) {
    for (std::uint32_t tag = from; tag < from + 2000; ++tag) {
      ask_well(read_command(1000 + tag), tag, clock);
      answer_well(tag, clock + 100);
      clock += 1000;
    }
  };
  others(10);
  const FrameId answer_to_late = answer(1, clock);
  EXPECT_EQ(violations(), "");
  EXPECT_EQ(ledger[answer_to_late].answers, late);
  EXPECT_EQ(ledger.subject(ledger[answer_to_late]).traffic, Traffic::read);
  others(3000);
  const FrameId once_more = answer(1, clock);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 1U);
  EXPECT_EQ(exchanges.findings()[0].frames, (std::vector<FrameId>{late, once_more}));
  answer(5000, clock);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 2U) << "a tag that nobody ever had";
}

TEST_F(ExchangesTest, OpenRequestsAreRememberedHoweverManyFollow) {
  const FrameId waiting = ask(read_command(2), 1, 0);
  for (std::uint32_t tag = 10; tag < 3000; ++tag) {
    ask_well(read_command(1000 + tag), tag, clock);
    answer_well(tag, clock + 100);
    clock += 1000;
  }
  EXPECT_EQ(exchanges.open(), 1U);
  const FrameId again = ask(read_command(2), 2, clock);
  EXPECT_EQ(ledger[again].repeats, waiting);
}

TEST_F(ExchangesTest, ViolationsBeyondTheFirstHundredAreCountedOnly) {
  for (std::uint32_t i = 0; i < 150; ++i) answer(7, i);
  EXPECT_EQ(exchanges.findings().size(), Exchanges::findings_kept);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 150U);
}

// Frames that are nobody's doing.

TEST_F(ExchangesTest, OfWhatAScenarioSendsNothingIsHeldAgainstAnybody) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    const FrameBytes bytes = request_frame(read_command(2), 1);
    LedgerEntry& entry = ledger.add(Direction::to_target, bytes, {});
    entry.injected = true;
    exchanges.sent(entry, bytes, *decode(bytes));
  }
  EXPECT_EQ(exchanges.open(), 0U);
  arrived(9, 100);
  answer(1, 150);
  EXPECT_EQ(violations(), "");
  answer(1, 160);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 1U) << "answered twice all the same";
}

TEST_F(ExchangesTest, ARequestThatArrivesAlteredMayBeAnsweredAsWhatItIsNow) {
  ask(read_command(2), 1, 0);
  altered(Direction::to_target, *decode(request_frame(read_command(2), 0x501)),
          Instant(microseconds(100)));
  answer(0x501, 200);
  EXPECT_EQ(violations(), "");
  answer(1, 300);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 1U) << "that one never arrived";
}

TEST_F(ExchangesTest, WhatIsAlteredToGoTheOtherWayIsNobodysAnswer) {
  ask(read_command(2), 1, 0);
  altered(Direction::to_target, *decode(reply_frame(1)), Instant(microseconds(100)));
  EXPECT_EQ(exchanges.open(), 1U);
  altered(Direction::to_initiator, *decode(request_frame(read_command(2), 1)),
          Instant(microseconds(200)));
  answer(1, 300);
  EXPECT_EQ(exchanges.count(Check::no_unasked_reply), 1U) << "no request arrived";
}

TEST_F(ExchangesTest, AReservedFieldThatIsSetIsReported) {
  FrameBytes odd = request_frame(read_command(2), 1);
  odd[34] = 1;
  sent(Direction::to_target, odd, 0);
  EXPECT_EQ(violations(),
            "reserved-zero: #0 (e1.1 READ EXT lba 2+2 tag 00000001) has something in the reserved "
            "bytes after the LBA (§3.1)");
}

TEST_F(ExchangesTest, AnErrorIsAReplyLikeAnyOther) {
  sent(Direction::to_initiator,
       frame_of({client_mac, server_mac, disk, 7}, ErrorReply{0, ErrorCode::bad_argument}), 0);
  EXPECT_EQ(
      violations(),
      "no-unasked-reply: #0 (e1.1 error 2 (bad argument parameter) to ATA tag 00000007) has a "
      "tag that no request had");
}

TEST_F(ExchangesTest, AnnouncementsAreWelcome) {
  sent(Direction::to_initiator,
       frame_of({Mac::broadcast(), server_mac, disk, 0}, ConfigReply{.buffer_count = 4}), 0);
  EXPECT_EQ(violations(), "");
}

// Tags.

TEST_F(ExchangesTest, ATagOfARequestInFlightIsTaken) {
  ask_well(read_command(2), 1, 0);
  ask(read_command(4), 1, 10);
  EXPECT_EQ(violations(),
            "tag-unique-in-flight: #1 (e1.1 READ EXT lba 4+2 tag 00000001) has the tag of #0 (e1.1 "
            "READ EXT lba 2+2 tag 00000001), which is still unanswered");
}

TEST_F(ExchangesTest, TheTagOfAnEarlierTransmissionIsTakenForAsLongAsTheRequestIsOpen) {
  ask(read_command(2), 1, 0);
  ask_well(read_command(2), 2, 1'000'000);
  ask(read_command(4), 1, 1'000'100);
  EXPECT_EQ(violations(),
            "tag-unique-in-flight: #2 (e1.1 READ EXT lba 4+2 tag 00000001) has the tag of #0 (e1.1 "
            "READ EXT lba 2+2 tag 00000001), which is still unanswered");
}

TEST_F(ExchangesTest, ATagIsFreeOnceItsRequestIsAnswered) {
  ask(read_command(2), 1, 0);
  ask_well(read_command(2), 2, 1'000'000);
  answer_well(2, 1'000'100);
  ask(read_command(4), 2, 1'000'300);
  ask(read_command(6), 1, 1'000'300);
  EXPECT_EQ(violations(), "");
}

// The window.

TEST_F(ExchangesTest, MoreUnansweredRequestsThanTheWindowAreReported) {
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, 0);
  EXPECT_EQ(violations(), "");
  ask(read_command(8), 4, 0);
  EXPECT_EQ(
      violations(),
      "window-respected: #4 (e1.1 READ EXT lba 8+2 tag 00000004) makes 5 unanswered requests at "
      "e1.1 (02:00:00:00:00:02), 4 may be");
}

TEST_F(ExchangesTest, EachDeviceAtAnAddressHasAWindowAndATimeoutOfItsOwn) {
  warm_up();
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, clock);
  const Header other{server_mac, client_mac, {1, 65}, 0x777};
  const FrameId elsewhere =
      sent(Direction::to_target, frame_of(other, Body(read_command(0))), clock);
  EXPECT_EQ(violations(), "");
  EXPECT_EQ(timeout_of(elsewhere), seconds(1)) << "nothing was measured there";
}

TEST_F(ExchangesTest, WhatWasSentBeforeThePortChangedTakesNoRoom) {
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, 0);
  exchanges.port_changed(Instant(milliseconds(1)));
  ask(read_command(8), 4, 2000);
  for (std::uint32_t i = 0; i < 3; ++i) ask(read_command(2 * i), 5 + i, 2000);
  EXPECT_EQ(violations(), "");
  ask(read_command(6), 8, 2000);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U) << "what is sent after it does";
  for (std::uint32_t i = 4; i < 9; ++i) arrived(answer(i, 3000), 3100);
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(20 + 2 * i), 20 + i, 4000);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U) << "until it is answered";
}

TEST_F(ExchangesTest, AnAnswerMakesRoom) {
  for (std::uint32_t i = 0; i < 4; ++i) ask_well(read_command(2 * i), i, 0);
  const FrameId reply = answer(0, 100);
  arrived(reply, 200);
  ask(read_command(8), 4, 200);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, ARepetitionTakesNoRoomAndMovesToWhereItIsSent) {
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, 0);
  ask(read_command(0), 4, 1'000'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(0), 5, 3'000'000, other_mac);
  ask(read_command(8), 6, 3'000'000);
  EXPECT_EQ(violations(), "");
}

TEST_F(ExchangesTest, WhatMayBeTakenForLostTakesNoRoomEither) {
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, 0);
  for (std::uint32_t i = 4; i < 8; ++i) ask(read_command(2 * i), i, 1'000'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(0), 8, 1'000'000);  // it waits again
  ask(read_command(16), 9, 1'000'000);
  EXPECT_EQ(violations(),
            "window-respected: #9 (e1.1 READ EXT lba 16+2 tag 00000009) makes 6 unanswered "
            "requests at e1.1 (02:00:00:00:00:02), 4 may be");
}

TEST_F(ExchangesTest, WhatWasOvertakenTakesRoomUntilItMayBeSentAgain) {
  warm_up();
  for (std::uint32_t i = 0; i < 3; ++i) ask(read_command(2 * i), i, clock);
  ask_well(read_command(6), 3, clock + 10);
  answer_well(3, clock + 110);
  for (std::uint32_t i = 4; i < 6; ++i) ask(read_command(2 * i), i, clock + 300);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
  for (std::uint32_t i = 6; i < 8; ++i) ask(read_command(2 * i), i, clock + 1300);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
}

TEST_F(ExchangesTest, WhatIsAskedForInPiecesAfterwardsIsNotWaitedForAsAWhole) {
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(16 * i, 16), i, 0);
  // Its MTU has shrunk.
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(16 * i, 2), 10 + i, 1'000'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(200), 20, 1'000'000);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
}

TEST_F(ExchangesTest, WhatIsAsLargeAsWhatIsAskedForInPiecesIsNotWaitedForEither) {
  for (std::uint32_t i = 0; i < 3; ++i) ask(read_command(16 * i, 16), i, 0);
  // Large frames are lost. The pieces of the third one wait for their turn.
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i, 2), 10 + i, 1'000'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(300, 16), 20, 1'000'000);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U) << "what is sent after them is";
}

TEST_F(ExchangesTest, ABufferCountThatWasToldIsTheWindowFromThenOn) {
  const auto tell = [&](std::uint16_t buffers, std::int64_t at) {
    const FrameBytes told = frame_of({client_mac, server_mac, disk, 0x99},
                                     ConfigReply{.buffer_count = buffers, .sector_count = 2});
    exchanges.delivered_config(*decode(told), initiator_port, Instant(microseconds(at)));
  };
  for (std::uint32_t i = 0; i < 3; ++i) ask(read_command(2 * i), i, 0);
  tell(2, 10);
  EXPECT_EQ(violations(), "");
  ask(read_command(8), 4, 20);
  EXPECT_EQ(
      violations(),
      "window-respected: #3 (e1.1 READ EXT lba 8+2 tag 00000004) makes 4 unanswered requests at "
      "e1.1 (02:00:00:00:00:02), 2 may be");
  tell(9, 1'000'010);
  for (std::uint32_t i = 5; i < 9; ++i) ask(read_command(2 * i), i, 1'000'020);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
}

TEST_F(ExchangesTest, WhatCrossesItsAnswerIsNotWaitedFor) {
  const auto ask_all = [this](std::uint32_t tag, std::int64_t at) {
    ask_well(read_command(0), tag, at);
    answer_well(tag, at + 1'000'000);
    ask(read_command(0), tag + 1, at + 1'000'150);  // its answer is on the way to it
    for (std::uint32_t i = 2; i < 6; ++i) ask(read_command(2 * i), tag + i, at + 1'000'300);
  };
  ask_all(0x10, 0);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U) << "where all is seen at once";
  for (std::uint32_t i = 1; i < 6; ++i) answer_well(0x10 + i, 1'001'000);
  exchanges.allow(milliseconds(20));
  ask_all(0x20, 2'000'000);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U) << "where frames are seen late";
}

TEST_F(ExchangesTest, ABufferCountOfNoneIsOne) {
  const FrameBytes told =
      frame_of({client_mac, server_mac, disk, 0x99}, ConfigReply{.buffer_count = 0});
  exchanges.delivered_config(*decode(told), initiator_port, Instant{});
  ask(read_command(0), 1, 10);
  EXPECT_EQ(violations(), "");
  ask(read_command(2), 2, 10);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
}

TEST_F(ExchangesTest, WhereFramesAreSeenEarlyTheCountBeforeHoldsALittleLonger) {
  exchanges.allow(milliseconds(20));
  const FrameBytes told =
      frame_of({client_mac, server_mac, disk, 0x99}, ConfigReply{.buffer_count = 1});
  exchanges.delivered_config(*decode(told), initiator_port, Instant(seconds(1)));
  for (std::uint32_t i = 0; i < 4; ++i) ask(read_command(2 * i), i, 1'010'000);
  EXPECT_EQ(violations(), "");
  ask(read_command(8), 4, 1'020'001);
  EXPECT_EQ(exchanges.count(Check::window_respected), 1U);
}

TEST_F(ExchangesTest, AnAlteredAnswerThatCanBeNoneLeavesItsRequestOpen) {
  const auto alter = [&](const Header& header, const AtaReply& reply) {
    const FrameBytes bytes = frame_of(header, reply);
    altered(Direction::to_initiator, *decode(bytes), Instant(microseconds(200)));
    return exchanges.open();
  };
  const std::vector<std::uint8_t> data(2 * sector_size);
  const AtaReply good{.status = ata::status_drdy, .data = data};
  ask_well(read_command(2), 1, 0);
  answer(1, 150);
  EXPECT_EQ(alter({client_mac, server_mac, {7, 1}, 1}, good), 1U);
  EXPECT_EQ(alter({other_mac, server_mac, disk, 1}, good), 1U);
  EXPECT_EQ(alter({client_mac, server_mac, disk, 2}, good), 1U);
  EXPECT_EQ(alter({client_mac, server_mac, disk, 1},
                  {.status = ata::status_drdy, .data = Bytes(data).first(sector_size)}),
            1U);
  EXPECT_EQ(alter({client_mac, server_mac, disk, 1}, {.status = ata::status_err}), 0U);
}

// Giving up.

TEST_F(ExchangesTest, AfterADeviceWasGivenUpItsRequestsAreForgottenAndItsTimeoutIsCold) {
  warm_up();
  ask(read_command(2), 1, clock);
  exchanges.abandon(disk);
  EXPECT_EQ(exchanges.open(), 0U);
  const FrameId again = ask(read_command(2), 2, clock + 1);
  EXPECT_EQ(ledger[again].repeats, std::nullopt);
  EXPECT_EQ(timeout_of(again), seconds(1));
  ask(read_command(4), 1, clock + 2);
  EXPECT_EQ(violations(), "") << "the tag is free, too";
}

TEST_F(ExchangesTest, AnAnswerToWhatWasGivenUpIsNoSample) {
  ask_well(read_command(2), 1, 0);
  exchanges.abandon(disk);
  answer_well(1, 2'000'000);
  EXPECT_EQ(exchanges.rto(), seconds(1));
  EXPECT_EQ(exchanges.srtt(), Duration{});
  EXPECT_EQ(violations(), "") << "it was asked for";
}

TEST_F(ExchangesTest, AnotherDevicesRequestsStayOpen) {
  ask(read_command(2), 1, 0);
  exchanges.abandon({7, 7});
  EXPECT_EQ(exchanges.open(), 1U);
}

}  // namespace
}  // namespace aoe::harness
