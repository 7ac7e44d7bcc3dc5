#include "harness/run/play_expect.h"

#include <gtest/gtest.h>

#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

// io

TEST(ExpectIo, OneThatFailsIsReportedWithTheReason) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: r, op: read, requests: 3, depth: 3}\n"
            "- expect: {io: {id: r, result: ok}}\n"));
  EXPECT_EQ(play.failures(),
            "line 10: expected io r completes\n"
            "actual 3 of 3 requests failed, the first: device is down");
}

TEST(ExpectIo, OneThatShouldFailAndSucceedsIsReported) {
  const Play play(
      trial("- io: {id: r, op: read, lba: 0}\n"
            "- expect: {io: {id: r, result: error}}\n"));
  EXPECT_EQ(play.failures(),
            "line 9: expected io r fails\n"
            "actual it succeeded");
}

TEST(ExpectIo, OneThatIsNotDoneInTimeIsReported) {
  const Play play(
      trial("- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}\n"
            "- io: {id: r, op: read, requests: 5, depth: 5}\n"
            "- expect: {io: {id: r, within: 90ms}}\n"));
  EXPECT_EQ(play.failures(),
            "line 10: expected io r completes within 90ms\n"
            "actual 4 of 5 requests done after 90ms");
}

TEST(ExpectIo, ItsTimeCountsEvenWhereNobodyLookedBefore) {
  const std::string steps =
      "- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}\n"
      "- io: {id: r, op: read, lba: 0, count: 1}\n"
      "- wait: 5s\n";
  EXPECT_EQ(Play(trial(steps + "- expect: {io: {id: r, within: 90ms}}\n")).failures(),
            "line 11: expected io r completes within 90ms\n"
            "actual it took 100.2ms");
  EXPECT_EQ(Play(trial(steps + "- expect: {io: {id: r, within: 101ms}}\n")).failures(), "");
}

TEST(ExpectIo, OneThatNeverEndsIsGivenUpAndNamedAgainAtTheEnd) {
  const Play play(
      "scenario: trial\n"
      "title: A trial\n"
      "roles: {target: {size: 64KiB}}\n"
      "given: {deadsecs: 0}\n"
      "steps:\n"
      "- discover: {expect: e1.1}\n"
      "- arm: {fault: partition, id: cut}\n"
      "- io: {id: r, op: read, lba: 0}\n"
      "- expect: {io: {id: r}}\n"
      "finally: {all-io: resolved, within: 100ms}\n");
  EXPECT_EQ(play.failures(),
            "line 9: expected io r completes\n"
            "actual 0 of 1 requests done after 20s\n"
            "line 0: expected all I/O resolved within 100ms of the end\n"
            "actual outstanding: r (0 of 1 done)");
}

// device

TEST(ExpectDevice, DownAfterDeadsecsAndUpAgainAfterDiscovery) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: r, op: read, lba: 0}\n"
            "- expect: {device: down, within: [deadsecs, deadsecs]}\n"
            "- expect: {io: {id: r, result: error}}\n"
            "- heal: cut\n"
            "- discover: {expect: e1.1}\n"
            "- expect: {device: up, within: [400us, 400us]}\n"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "down +2s in [2000, 2000] ms\nup +0.4ms in [0.4, 0.4] ms");
}

TEST(ExpectDevice, OneThatStaysUpIsNotDown) {
  const Play play(
      trial("- io: {id: r, op: read, lba: 0}\n"
            "- expect: {device: down, within: [deadsecs, deadsecs + 100ms]}\n"));
  EXPECT_EQ(play.failures(),
            "line 9: expected e1.1 down in [2000, 2100] ms\n"
            "actual not down after 2.1s");
}

TEST(ExpectDevice, OneThatStaysDownIsNotUp) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: r, op: read, lba: 0}\n"
            "- expect: {io: {id: r, result: error}}\n"
            "- heal: cut\n"
            "- expect: {device: up, within: 3s}\n"));
  EXPECT_EQ(play.failures(),
            "line 12: expected e1.1 up in [0, 3000] ms\n"
            "actual not up after 3s");
}

TEST(ExpectDevice, TheTimeIsThatOfTheChangeAndNotOfTheLook) {
  const std::string steps =
      "- arm: {fault: partition, id: cut}\n"
      "- io: {id: r, op: read, lba: 0}\n"
      "- wait: 10s\n";
  EXPECT_EQ(Play(trial(steps + "- expect: {device: down, within: [2s, 2s]}\n")).failures(), "");
  EXPECT_EQ(Play(trial(steps + "- expect: {device: down, within: [3s, 4s]}\n")).failures(),
            "line 11: expected e1.1 down in [3000, 4000] ms\n"
            "actual down at +2s, 1s early");
  EXPECT_EQ(Play(trial(steps + "- expect: {device: down, within: [1s, 1900ms]}\n")).failures(),
            "line 11: expected e1.1 down in [1000, 1900] ms\n"
            "actual down at +2s, 100ms late");
}

// outstanding

/// Sixteen reads are lost at once.
std::string lost_window(const std::string& expectation) {
  return trial(
      "- warmup: {reads: 16, depth: 4}\n"
      "- warmup: {reads: 16, depth: 4}\n"
      "- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, during: [0ms, "
      "10ms]}\n"
      "- io: {id: r, op: read, lba: 0, count: 32}\n"
      "- expect: {outstanding: " +
      expectation + ", io: {id: r}}\n");
}

TEST(ExpectOutstanding, AWindowThatCollapsesLeavesRoomForOne) {
  const Play play(lost_window("{max: 1, from: retransmit(loss), until: reply(loss)}"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "outstanding 1 in [0, 1]");
}

TEST(ExpectOutstanding, OneMoreThanThatFailsAndIsNamed) {
  EXPECT_EQ(Play(lost_window("{max: 0, from: retransmit(loss), until: reply(loss)}")).failures(),
            "line 12: expected at most 0 outstanding requests from retransmit(loss) until "
            "reply(loss)\n"
            "actual 1, with #n (e1.1 READ EXT lba 16+2 tag t)");
  EXPECT_EQ(Play(lost_window("{max: 15, from: io(r)}")).failures(),
            "line 12: expected at most 15 outstanding requests from io(r)\n"
            "actual 16, with #n (e1.1 READ EXT lba 30+2 tag t)");
}

TEST(ExpectOutstanding, ASpanMayBeThatOfAnIo) {
  EXPECT_EQ(Play(lost_window("{max: 16, from: io(r), until: io(r)}")).notes(),
            "outstanding 16 in [0, 16]");
  EXPECT_EQ(Play(lost_window("{max: 8, until: io(r)}")).failures().substr(0, 70),
            "line 12: expected at most 8 outstanding requests until io(r)\nactual 16");
}

TEST(ExpectOutstanding, AMomentThatDoesNotComeFails) {
  EXPECT_EQ(Play(trial("- arm: {fault: drop, id: loss, match: {lba: 100}}\n"
                       "- expect: {outstanding: {max: 1, from: retransmit(loss)}}\n"))
                .failures(),
            "line 9: expected at most 1 outstanding request from retransmit(loss)\n"
            "actual retransmit(loss) has not come after 24s");
}

TEST(ExpectOutstanding, AReplyIsOfWhicheverTransmissionGotThrough) {
  const Play play(
      trial("- warmup: {reads: 16, depth: 4}\n"
            "- arm: {fault: drop, id: loss, match: {direction: to-target}, during: [0, 150ms]}\n"
            "- io: {id: r, op: read, lba: 0, count: 2}\n"
            "- expect: {outstanding: {max: 1, from: retransmit(loss), until: reply(loss)}}\n"
            "- expect: {io: {id: r}}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(ExpectOutstanding, ASpanThatEndsBeforeItBeginsFails) {
  EXPECT_EQ(Play(trial("- io: {id: a, op: read, lba: 0}\n"
                       "- expect: {io: {id: a}}\n"
                       "- wait: 3ms\n"
                       "- io: {id: b, op: read, lba: 0}\n"
                       "- expect: {outstanding: {max: 1, from: io(b), until: io(a)}}\n"))
                .failures(),
            "line 12: expected at most 1 outstanding request from io(b) until io(a)\n"
            "actual io(a) came 3ms before io(b)");
}

// retransmit

std::string lost_read(const std::string& expectation, const std::string& loss = "nth: 1") {
  return trial(
      "- warmup: {reads: 16, depth: 4}\n"
      "- arm: {fault: drop, id: loss, match: {command: read}, " +
      loss +
      "}\n"
      "- io: {id: r, op: read, lba: 4, count: 2}\n"
      "- expect: {retransmit: " +
      expectation + "}\n");
}

TEST(ExpectRetransmission, AtItsTimeoutItPasses) {
  const Play play(lost_read("{of: loss, within: [rto, rto]}"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "retransmit +100ms in [100, 100] ms");
}

TEST(ExpectRetransmission, OneThatComesTooEarlyOrTooLateForItsWindowFails) {
  const Play early(lost_read("{of: loss, within: [2*rto, 3*rto]}"));
  EXPECT_EQ(early.failures(),
            "line 11: expected retransmission of #n (e1.1 READ EXT lba 4+2 tag t) in [200, "
            "300] ms\n"
            "actual at +100ms, 100ms early (#n)");
  const auto& frames = early.verdict.failures[0].frames;
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(early.ledger[frames[1]].repeats, frames[0]);
  EXPECT_EQ(early.ledger.text(early.ledger[frames[0]].dropped_by), "loss");
}

TEST(ExpectRetransmission, OneThatIsLateIsWaitedForALittleToTellByHowMuch) {
  EXPECT_EQ(Play(lost_read("{of: loss, within: [0ms, 99990us]}")).failures(),
            "line 11: expected retransmission of #n (e1.1 READ EXT lba 4+2 tag t) in [0, "
            "99.99] ms\n"
            "actual at +100ms, 0.01ms late (#n)");
}

TEST(ExpectRetransmission, OneThatDoesNotComeFails) {
  EXPECT_EQ(Play(lost_read("{of: loss, within: [0ms, 40ms]}")).failures(),
            "line 11: expected retransmission of #n (e1.1 READ EXT lba 4+2 tag t) in [0, 40] "
            "ms\n"
            "actual none after 80ms");
}

TEST(ExpectRetransmission, ALostAnswerIsARetransmissionOfItsRequest) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- arm: {fault: drop, id: loss, match: {direction: to-initiator}, nth: 1}\n"
            "- io: {id: w, op: write, lba: 4, count: 2}\n"
            "- expect: {retransmit: {of: loss, within: [rto, rto]}, io: {id: w}}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(ExpectRetransmission, EachTimeoutIsTwiceTheOneBefore) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- arm: {fault: partition, id: cut}\n"
            "- io: {id: r, op: read, lba: 4, count: 2}\n"
            "- wait: 650ms\n"
            "- expect: {retransmit: {of: cut, within: [rto, rto]}}\n"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(),
            "retransmit +100ms in [100, 100] ms\n"
            "retransmit +200ms in [200, 200] ms\n"
            "retransmit +400ms in [400, 400] ms");
}

TEST(ExpectRetransmission, AFlushWaitsForADisk) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- arm: {fault: drop, id: loss, match: {command: flush}, nth: 1}\n"
            "- io: {id: f, op: flush}\n"
            "- expect: {retransmit: {of: loss, within: [rto, rto]}, io: {id: f}}\n"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "retransmit +1s in [1000, 1000] ms");
}

TEST(ExpectRetransmission, AFaultThatDropsNothingShowsNone) {
  EXPECT_EQ(Play(trial("- arm: {fault: drop, id: loss, match: {command: write}}\n"
                       "- io: {id: r, op: read, lba: 0}\n"
                       "- expect: {retransmit: {of: loss, within: rto}}\n"))
                .failures(),
            "line 10: expected a frame dropped by loss\n"
            "actual it has dropped none");
}

TEST(ExpectRetransmission, OnlyAtaCommandsAreRetransmitted) {
  EXPECT_EQ(
      Play(
          "scenario: trial\n"
          "title: A trial\n"
          "roles: {target: {size: 64KiB}}\n"
          "steps:\n"
          "- arm: {fault: drop, id: loss, match: {command: config, direction: to-target}, nth: 1}\n"
          "- discover: {expect: e1.1}\n"
          "- expect: {retransmit: {of: loss, within: rto}}\n")
          .failures(),
      "line 7: expected a frame of an ATA exchange dropped by loss\n"
      "actual it has dropped others only, such as #n (e*.* config read tag t)");
}

// hits

TEST(RunnerHits, AreAwaitedAndNoMoreThanTheMost) {
  const std::string steps =
      "- arm: {fault: count, id: reads, match: {command: read, direction: to-target}}\n"
      "- io: {id: a, op: read, lba: 0, count: 8}\n";
  EXPECT_EQ(
      Play(trial(steps + "- expect: {hits: {of: reads, min: 4, max: 4, within: 1s}}\n")).failures(),
      "");
  EXPECT_EQ(Play(trial(steps + "- expect: {hits: {of: reads, min: 5, within: 1s}}\n")).failures(),
            "line 10: expected fault reads strikes 5 frames or more\nactual it struck 4");
  EXPECT_EQ(Play(trial(steps + "- expect: {hits: {of: reads, max: 1}}\n")).failures(),
            "line 10: expected fault reads strikes 1 frames at most\nactual it struck 4, #n (e1.1 "
            "READ EXT lba 2+2 tag t) the first too many");
}

TEST(ExpectHits, EnoughPassAndTooFewFail) {
  const std::string steps =
      "- arm: {fault: duplicate, id: twice, match: {direction: to-target, command: read}}\n"
      "- io: {id: r, op: read, lba: 0, count: 6}\n"
      "- expect: {io: {id: r}}\n";
  EXPECT_EQ(Play(trial(steps + "- expect: {hits: {of: twice, min: 3}}\n")).failures(), "");
  EXPECT_EQ(Play(trial(steps + "- expect: {hits: {of: twice, min: 4}}\n")).failures(),
            "line 11: expected fault twice strikes 4 frames or more\n"
            "actual it struck 3");
}

}  // namespace
}  // namespace aoe::harness
