#include "harness/run/runner.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/run/load.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A run that is as it should be.

TEST(Runner, ARunInWhichAllIsWellPasses) {
  const Play play(
      trial("- io: {id: w, op: write, lba: 0, count: 20}\n"
            "- expect: {io: {id: w}}\n"
            "- io: {id: r, op: read, lba: 0, count: 20}\n"
            "- expect: {io: {id: r, result: ok, within: 1s}}\n"
            "- io: {id: f, op: flush}\n"
            "- expect: {io: {id: f}}\n"
            "- io: {id: m, op: mixed, requests: 16, depth: 4}\n"
            "- expect: {io: {id: m}}\n"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.verdict.outcome, Outcome::passed);
  EXPECT_EQ(play.verdict.requests, 19U);
  EXPECT_EQ(play.verdict.reason, "");
}

TEST(Runner, StepsAreRecordedAsTheyArePlayed) {
  const Play play(
      trial("- wait: 1ms\n"
            "- io:\n"
            "    id: r\n"
            "    op: read\n"
            "    lba: 0\n"
            "- expect: {io: {id: r, result: error}}\n"
            "- wait: 1s\n"));
  std::string steps;
  for (const StepRecord& step : play.verdict.steps) {
    steps += fmt::format("{} {} {}: {}{}\n", step.where, describe(step.ended - step.began),
                         step.word, step.text, step.met ? "" : " !");
  }
  EXPECT_EQ(steps,
            "trial.yaml:7 0.3ms discover: {expect: e1.1}\n"
            "trial.yaml:8 1ms wait: 1ms\n"
            "trial.yaml:9 0ns io: {id: r, op: read, lba: 0}\n"
            "trial.yaml:13 0.2ms expect: {io: {id: r, result: error}} !\n");
}

TEST(Runner, ItTakesAsMuchOfTheWorldsTimeAsItTook) {
  const Play play(trial("- wait: 1500ms\n"));
  // The device is up after its announcement and an IDENTIFY.
  EXPECT_EQ(play.verdict.took, milliseconds(1500) + std::chrono::microseconds(300));
}

TEST(Runner, AnExpectationThatFailsEndsTheStepsAndTheRestIsNotDone) {
  const Play play(
      trial("- discover: {expect: e2.2, within: 1s}\n"
            "- wait: 1000s\n"));
  EXPECT_EQ(play.failures(),
            "line 8: expected e2.2 up within 1s\n"
            "actual no answer to discovery");
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
  EXPECT_LT(play.verdict.took, seconds(2));
}

// discover, warmup

TEST(ExpectDiscovery, ADiskThatDoesNotIdentifyItselfIsNotUp) {
  const Play play(
      "scenario: trial\n"
      "title: A trial\n"
      "roles: {target: {size: 64KiB}}\n"
      "given: {deadsecs: 60s}\n"
      "steps:\n"
      "- arm: {fault: drop, id: mute, match: {command: identify}}\n"
      "- discover: {expect: e1.1, within: 2s}\n");
  EXPECT_EQ(play.failures(),
            "line 7: expected e1.1 up within 2s\n"
            "actual it is identifying");
}

TEST(ExpectWarmup, ReadsThatFailAreReported) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- warmup: {reads: 4, depth: 2}\n"));
  EXPECT_EQ(play.failures(),
            "line 9: expected 4 reads to warm up\n"
            "actual 4 completed, 4 of them failed");
}

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

// Ends that change.

TEST(Runner, WhatWaitedAtAPortThatWentAwayTakesNoRoomWhenItIsBack) {
  const Play play(
      trial("- warmup: {reads: 16, depth: 4}\n"
            "- warmup: {reads: 16, depth: 4}\n"
            "- io: {id: r, op: read, lba: 0, count: 64}\n"
            "- arm: {fault: link-down, id: pulled, end: initiator}\n"
            "- wait: 50ms\n"
            "- heal: pulled\n"
            "- expect: {io: {id: r}}\n"));
  EXPECT_EQ(play.failures(), "");
  EXPECT_GE(play.exchanges.retransmissions(), 16U);
}

// Copies that come late.

/// A write that comes back after the next one of the same sectors.
std::string late_copy(const std::string& fault, const std::string& given = "") {
  return "scenario: trial\n"
         "title: A trial\n"
         "roles: {target: {size: 64KiB}}\n"
         "given: {deadsecs: 2s" +
         given +
         "}\n"
         "steps:\n"
         "- discover: {expect: e1.1}\n"
         "- arm: {id: echo, match: {direction: to-target, command: write}, nth: 1, " +
         fault +
         "}\n"
         "- io: {id: a, op: write, lba: 4, count: 2}\n"
         "- expect: {io: {id: a}}\n"
         "- io: {id: b, op: write, lba: 4, count: 2}\n"
         "- expect: {io: {id: b}}\n"
         "- wait: 5s\n"
         "- io: {id: r, op: read, lba: 4, count: 2}\n"
         "- expect: {io: {id: r}}\n";
}

TEST(LateDuplicates, OneThatOverwritesANewerWriteIsWrongDataAndIsTold) {
  for (const char* fault : {"fault: duplicate, spread: 3s", "fault: delay, by: 3s"}) {
    const Play play(late_copy(fault));
    EXPECT_EQ(play.failures(),
              "line 14: expected io r completes with right data\n"
              "actual sector 4 holds write 1, which came back after write 2 was acknowledged: a "
              "late duplicate\n"
              "line 0: expected data-integrity: reads return, and the store holds, what was "
              "written and acknowledged\n"
              "actual in the store, sector 4 holds write 1, which came back after write 2 was "
              "acknowledged: a late duplicate")
        << fault;
    EXPECT_EQ(play.notes(),
              "late duplicate: write 1 reached sector 4 again after write 2 was submitted (and 1 "
              "more)")
        << fault;
  }
}

TEST(LateDuplicates, WhereTheyAreToBeToldTheyAreNoFailure) {
  for (const char* fault : {"fault: duplicate, spread: 3s", "fault: delay, by: 3s"}) {
    const Play play(late_copy(fault, ", late-duplicates: tell"));
    EXPECT_EQ(play.failures(), "") << fault;
    EXPECT_EQ(play.notes(),
              "late duplicate: write 1 reached sector 4 again after write 2 was submitted (and 1 "
              "more)")
        << fault;
  }
}

TEST(LateDuplicates, ACopyThatIsInTimeIsNone) {
  EXPECT_EQ(Play(late_copy("fault: duplicate, copies: 2, spread: 1us")).notes(), "");
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
            "actual 1, with #n (e1.1 READ EXT lba 4+2 tag t)");
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

// discover

TEST(RunnerDiscover, WhatMustNotComeUpMustNot) {
  const std::string mute = "- arm: {fault: drop, id: mute, match: {command: identify}}\n";
  const std::string gone =
      "- arm: {fault: partition, id: cut}\n- io: {id: a, op: read, lba: 0}\n- expect: {io: {id: a, "
      "result: error}}\n- heal: cut\n";
  EXPECT_EQ(Play(trial(gone + mute + "- discover: {found: false, within: 1s}\n")).failures(), "");
  EXPECT_EQ(Play(trial("- discover: {found: false, within: 1s}\n")).failures(),
            "line 8: expected e1.1 not up for 1s\nactual up after 0ns");
}

// open, close

TEST(RunnerHold, ADiskThatWentDownWhileItWasOpenIsDownUntilItIsClosed) {
  const std::string steps =
      "- open: {}\n"
      "- arm: {fault: partition, id: cut}\n"
      "- io: {id: a, op: read, lba: 0}\n"
      "- expect: {io: {id: a, result: error}}\n"
      "- heal: cut\n"
      "- discover: {found: false, within: 2s}\n";
  EXPECT_EQ(Play(trial(steps + "- close: {}\n- discover: {}\n")).failures(), "");
  EXPECT_EQ(Play(trial(steps + "- open: {}\n")).failures(),
            "line 14: expected e1.1 can be opened\nactual it can't");
}

// says

TEST(RunnerSays, ATargetThatSaysLessGetsLessFromThenOn) {
  const std::string steps =
      "- arm: {fault: count, id: large, match: {command: read, direction: to-target}, "
      "lacks: {count: 1}}\n"
      "- io: {id: a, op: read, lba: 0, count: 8}\n"
      "- expect: {io: {id: a}, hits: {of: large, min: 4, max: 4}}\n"
      "- says: {sectors: 1, announce: true}\n"
      "- wait: 1ms\n"
      "- io: {id: b, op: read, lba: 0, count: 8}\n"
      "- expect: {io: {id: b}, hits: {of: large, max: ";
  EXPECT_EQ(Play(trial(steps + "4}}\n")).failures(), "");
  EXPECT_EQ(Play(trial(steps + "3}}\n")).failures().substr(0, 8), "line 14:");
}

TEST(RunnerSays, ADiskThatBeginsElsewhereKeepsWhatIsWrittenThere) {
  std::string yaml =
      trial("- io: {id: a, op: mixed, requests: 16, depth: 4}\n- expect: {io: {id: a}}\n");
  const std::string size = "size: ";
  yaml.insert(yaml.find(size), "base: 0x0fffffc0, ");
  const Play play(yaml);
  EXPECT_EQ(play.failures(), "");
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

// Faults and a rough link.

TEST(Runner, AMovedTargetIsFollowed) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- io: {id: m, op: mixed, count: 1, requests: 100, depth: 4}\n"
            "- arm: {fault: mac-change, id: moved, mac: \"02:00:00:00:00:99\"}\n"
            "- expect: {io: {id: m}}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(Runner, WritesThatFailedMayBeThereOrNot) {
  const Play play(
      trial("- arm: {fault: partition, id: cut, match: {direction: to-initiator}}\n"
            "- io: {id: w, op: write, requests: 16, depth: 8}\n"
            "- expect: {io: {id: w, result: error}}\n"
            "- heal: cut\n"
            "- discover: {expect: e1.1}\n"
            "- io: {id: r, op: read, requests: 16, depth: 8}\n"
            "- expect: {io: {id: r}}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(Runner, AReturningDeviceIsMeasuredAnew) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- arm: {fault: partition, id: cut}\n"
            "- io: {id: a, op: read, lba: 0}\n"
            "- expect: {io: {id: a, result: error}}\n"
            "- heal: cut\n"
            "- arm: {fault: drop, id: loss, match: {command: identify}, nth: 1}\n"
            "- discover: {expect: e1.1, within: 10s}\n"
            "- expect: {retransmit: {of: loss, within: [1s, 1s]}}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(Runner, ABlackAndWhiteDiskOfZerosIsChecked) {
  std::string yaml = trial("- io: {id: m, op: mixed, requests: 16}\n- expect: {io: {id: m}}\n");
  yaml.replace(yaml.find("64KiB"), 5, "64KiB, fill: zero");
  EXPECT_EQ(Play(yaml).failures(), "");
}

// Peers that are wrong on purpose: each check must find its own.

bool is_ata_reply(Bytes bytes) {
  const auto frame = decode(bytes);
  return frame && frame->response && frame->command == 0;
}

const AtaRequest* ata_request(const tl::expected<Frame, Reject>& frame) {
  return frame && frame->body ? std::get_if<AtaRequest>(&*frame->body) : nullptr;
}

/// The frame with another tag.
FrameBytes retagged(Bytes bytes, std::uint32_t tag) {
  FrameBytes frame(bytes.begin(), bytes.end());
  for (std::size_t i = 0; i < 4; ++i)
    frame[20 + i] = static_cast<std::uint8_t>(tag >> (24 - 8 * i));
  return frame;
}

constexpr std::uint32_t others = 0x0a00'0000;  // a tag that our initiator takes for someone else's

const std::string read_and_expect =
    "- warmup: {reads: 16}\n"
    "- io: {id: r, op: read, lba: 4, count: 2}\n"
    "- expect: {io: {id: r}}\n";

class AnswersTwice final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes frame) override {
    SimWorld::sent(direction, frame);
    if (is_ata_reply(frame)) SimWorld::sent(direction, frame);
  }
};

TEST(Mutant, ATargetThatAnswersTwiceIsFound) {
  const Play play(trial(read_and_expect), Play::make<AnswersTwice>);
  EXPECT_EQ(
      play.failures(),
      "line 0: expected no-unasked-reply: a target answers what reached it, each copy at most "
      "once (AoEr11 §2)\n"
      "actual #n (e1.1 ATA reply ok lba 0 left 0 tag t) is reply 2 to #n; copies of it "
      "that had arrived: 1 (and n more)");
  const auto& frames = play.verdict.failures[0].frames;
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(play.ledger[frames[1]].answers, frames[0]);
}

class AnswersOutOfNowhere final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes frame) override {
    SimWorld::sent(direction, frame);
    if (is_ata_reply(frame)) SimWorld::sent(direction, retagged(frame, others));
  }
};

TEST(Mutant, ATargetThatAnswersWhatNobodyAskedIsFound) {
  EXPECT_EQ(
      Play(trial(""), Play::make<AnswersOutOfNowhere>).failures(),
      "line 0: expected no-unasked-reply: a target answers what reached it, each copy at most "
      "once (AoEr11 §2)\n"
      "actual #n (e1.1 ATA reply ok lba 0 left 0 tag t) has a tag that no request had");
}

/// Says yes to every write, and does nothing.
class ForgetsWrites : public SimWorld {
  using SimWorld::SimWorld;
  void arrived(Direction direction, Bytes bytes) override {
    const auto frame = decode(bytes);
    const AtaRequest* request = ata_request(frame);
    if (request == nullptr || !request->flags.write) return SimWorld::arrived(direction, bytes);
    const Header& asked = frame->header;
    sent(Direction::to_initiator,
         frame_of({asked.source, asked.destination, asked.address, asked.tag},
                  AtaReply{.status = ata::status_drdy, .lba = request->lba}));
  }
};

TEST(Mutant, AWriteThatIsAcknowledgedAndNotStoredIsFoundInTheStore) {
  EXPECT_EQ(
      Play(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                 "- expect: {io: {id: w}}\n"),
           Play::make<ForgetsWrites>)
          .failures(),
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual in the store, sector 4 holds what it held at first, expected write 1");
}

TEST(Mutant, AndByWhoeverReadsIt) {
  const Play play(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                        "- expect: {io: {id: w}}\n"
                        "- io: {id: r, op: read, lba: 0}\n"
                        "- expect: {io: {id: r}}\n"),
                  Play::make<ForgetsWrites>);
  EXPECT_EQ(
      play.failures(),
      "line 11: expected io r completes with right data\n"
      "actual sector 4 holds what it held at first, expected write 1\n"
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual in the store, sector 4 holds what it held at first, expected write 1");
}

TEST(Mutant, WhereDataIsNotToBeCheckedTheStoreIsNot) {
  EXPECT_EQ(Play(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                       "- expect: {io: {id: w}}\n",
                       "always: [no-unasked-reply]\n"),
                 Play::make<ForgetsWrites>)
                .failures(),
            "");
}

class FlipsABit final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes frame) override {
    FrameBytes changed(frame.begin(), frame.end());
    if (is_ata_reply(frame) && frame.size() == ata_header_size + 2 * sector_size) {
      changed[ata_header_size + sector_size + 7] ^= 1;
    }
    SimWorld::sent(direction, changed);
  }
};

TEST(Mutant, ABitThatFlipsIsFoundWhetherOrNotTheResultIsExpected) {
  EXPECT_EQ(Play(trial("- io: {id: r, op: read, lba: 4, count: 2}\n"
                       "- expect: {io: {id: r}}\n"),
                 Play::make<FlipsABit>)
                .failures(),
            "line 9: expected io r completes with right data\n"
            "actual sector 5 holds bytes that were never written, expected what it held at first");
  EXPECT_EQ(
      Play(trial("- io: {id: r, op: read, lba: 4, count: 2}\n"), Play::make<FlipsABit>).failures(),
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual io r read: sector 5 holds bytes that were never written, expected what it held at "
      "first");
  EXPECT_EQ(Play(trial("- warmup: {reads: 4}\n"), Play::make<FlipsABit>).failures().substr(0, 38),
            "line 8: expected 4 reads to warm up\nac");
}

/// Repeats each read at once, with a new tag (as Linux would) or the same (as iPXE would).
template <bool new_tag>
class RepeatsEarly final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes bytes) override {
    SimWorld::sent(direction, bytes);
    const auto frame = decode(bytes);
    const AtaRequest* request = ata_request(frame);
    if (request == nullptr || request->opcode != ata::Opcode::read_sectors_ext) return;
    SimWorld::sent(direction, new_tag ? retagged(bytes, others + next_++)
                                      : FrameBytes(bytes.begin(), bytes.end()));
  }
  std::uint32_t next_ = 0;
};

TEST(Mutant, AnInitiatorThatRepeatsEarlyIsFound) {
  const std::string yaml =
      trial("- io: {id: r, op: read, lba: 4, count: 2}\n- expect: {io: {id: r}}\n");
  EXPECT_EQ(Play(yaml, Play::make<RepeatsEarly<true>>).failures(),
            "line 0: expected no-early-retransmit: no request is repeated before its timeout "
            "(profile/rexmit-timeout)\n"
            "actual #n (e1.1 READ EXT lba 4+2 tag t) repeats #n after 0ns, its timeout is "
            "100ms");
  EXPECT_EQ(Play(yaml, Play::make<RepeatsEarly<false>>).failures(),
            "line 0: expected no-early-retransmit: no request is repeated before its timeout "
            "(profile/rexmit-timeout)\n"
            "actual #n (e1.1 READ EXT lba 4+2 tag t) repeats #n after 0ns, its timeout is "
            "100ms");
}

/// Sends nothing twice.
class NeverRepeats final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes bytes) override {
    const auto frame = decode(bytes);
    const AtaRequest* request = ata_request(frame);
    if (request == nullptr || asked_.insert(request->lba).second) SimWorld::sent(direction, bytes);
  }
  std::set<std::uint64_t> asked_;
};

TEST(Mutant, AnInitiatorThatNeverRepeatsIsFound) {
  EXPECT_EQ(Play(trial("- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}\n"
                       "- io: {id: r, op: read, lba: 4, count: 2}\n"
                       "- expect: {retransmit: {of: loss, within: [rto, rto + tick + slack]}}\n"),
                 Play::make<NeverRepeats>)
                .failures(),
            "line 10: expected retransmission of #n (e1.1 READ EXT lba 4+2 tag t) in [100, 100] "
            "ms\n"
            "actual none after 200ms");
}

/// Asks for sixteen other blocks with each read.
class OverrunsTheTarget final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes bytes) override {
    SimWorld::sent(direction, bytes);
    const auto frame = decode(bytes);
    const AtaRequest* request = ata_request(frame);
    if (request == nullptr || request->opcode != ata::Opcode::read_sectors_ext) return;
    for (std::uint32_t i = 0; i < 16; ++i) {
      SimWorld::sent(direction, request_frame(read_command(32 + 2 * i), others + i));
    }
  }
};

TEST(Mutant, AnInitiatorThatOverrunsTheTargetsBuffersIsFound) {
  EXPECT_EQ(
      Play(trial("- io: {id: r, op: read, lba: 4, count: 2}\n- expect: {io: {id: r}}\n"),
           Play::make<OverrunsTheTarget>)
          .failures(),
      "line 0: expected window-respected: no more requests wait than the target has buffers, or "
      "maxout allows (AoEr11 §3.2)\n"
      "actual #n (e1.1 READ EXT lba 62+2 tag t) makes 17 unanswered requests at e1.1 "
      "(02:00:00:00:00:02), 16 may be");
}

/// Gives all its requests one tag, and tells the answers apart by what they are about.
class UsesOneTag final : public SimWorld {
  using SimWorld::SimWorld;
  void sent(Direction direction, Bytes bytes) override {
    const auto frame = decode(bytes);
    const AtaRequest* request = ata_request(frame);
    if (request == nullptr) return SimWorld::sent(direction, bytes);
    tags_[request->lba] = frame->header.tag;
    SimWorld::sent(direction, retagged(bytes, others));
  }
  void arrived(Direction direction, Bytes bytes) override {
    const auto frame = decode(bytes);
    const auto* reply = frame && frame->body ? std::get_if<AtaReply>(&*frame->body) : nullptr;
    if (reply == nullptr) return SimWorld::arrived(direction, bytes);
    SimWorld::arrived(direction, retagged(bytes, tags_.at(reply->lba)));
  }
  std::map<std::uint64_t, std::uint32_t> tags_;
};

TEST(Mutant, AnInitiatorThatUsesATagTwiceIsFound) {
  EXPECT_EQ(
      Play(trial("- io: {id: r, op: read, lba: 4, count: 4}\n- expect: {io: {id: r}}\n"),
           Play::make<UsesOneTag>)
          .failures(),
      "line 0: expected tag-unique-in-flight: requests that wait for answers have different tags "
      "(AoEr11 §2)\n"
      "actual #n (e1.1 READ EXT lba 6+2 tag t) has the tag of #n (e1.1 READ EXT lba 4+2 "
      "tag t), which is still unanswered");
}

TEST(Runner, ACheckThatTheScenarioDoesNotNameIsNotMade) {
  EXPECT_EQ(Play(trial(read_and_expect, "always: [data-integrity]\n"), Play::make<AnswersTwice>)
                .failures(),
            "");
}

// Worlds that are not fit to tell.

class Broken final : public SimWorld {
  using SimWorld::SimWorld;
  std::string broken() const override {
    return now() < origin + seconds(1) ? "" : "the target was killed by signal 9 (Killed)";
  }
};

TEST(Runner, AWorldThatBreaksEndsTheRunAtOnceAndIsNamedAsTheReason) {
  const Play play(trial("- arm: {fault: drop, id: loss, match: {command: write}}\n"
                        "- wait: 500ms\n"
                        "- io: {id: r, op: read, lba: 4}\n"
                        "- wait: 600ms\n"
                        "- expect: {retransmit: {of: loss, within: rto}}\n"),
                  Play::make<Broken>);
  EXPECT_EQ(play.failures(),
            "line 11: expected both ends run until the scenario's end\n"
            "actual the target was killed by signal 9 (Killed)");
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
}

class Slow : public SimWorld {
  using SimWorld::SimWorld;
  Duration slack() const override { return milliseconds(501); }
};

TEST(Runner, AWorldThatIsTooSlowToTellIsNeitherPassNorFail) {
  const Play passed(trial(read_and_expect), Play::make<Slow>);
  EXPECT_EQ(passed.verdict.outcome, Outcome::inconclusive);
  EXPECT_EQ(passed.verdict.reason,
            "this machine was too busy: times are only known to 501ms, 500ms is the most");
  const Play failed(trial("- expect: {device: down, within: 1s}\n"), Play::make<Slow>);
  EXPECT_EQ(failed.verdict.outcome, Outcome::inconclusive);
  EXPECT_EQ(failed.failures(),
            "line 8: expected e1.1 down in [0, 1000] ms\n"
            "actual not down after 1s");
}

class SlowAndForgetful final : public ForgetsWrites {
  using ForgetsWrites::ForgetsWrites;
  Duration slack() const override { return seconds(3); }
};

TEST(Runner, AnAnswerThatIsWrongIsSoHoweverSlowTheWorldIs) {
  const Play play(trial("- config: {op: read, expect: bad-argument}\n"), Play::make<Slow>);
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
}

TEST(Runner, ButWhatNoSlownessExcusesHasFailed) {
  const Play play(trial("- io: {id: w, op: write, lba: 4}\n- expect: {io: {id: w}}\n"),
                  Play::make<SlowAndForgetful>);
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
}

class Leaky final : public SimWorld {
  using SimWorld::SimWorld;
  std::uint64_t frames_lost() const override { return 2; }
};

TEST(Runner, AWorldThatLosesFramesItselfCannotTell) {
  const Play play(trial(read_and_expect), Play::make<Leaky>);
  EXPECT_EQ(play.verdict.outcome, Outcome::inconclusive);
  EXPECT_EQ(play.verdict.reason, "2 frames were lost that no fault struck");
}

/// A world whose times are not known to 20 ms.
class Rough final : public SimWorld {
  using SimWorld::SimWorld;
  Duration slack() const override { return milliseconds(20); }
};

TEST(Runner, SlackWidensARetransmissionsWindowAtBothEnds) {
  const Play play(lost_read("{of: loss, within: [rto, rto + tick + slack]}"), Play::make<Rough>);
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "retransmit +100ms in [80, 120] ms");
}

// Loads.

class LoadTest : public testing::Test {
 protected:
  /// The LBAs that an io step asks for, by what asks.
  static std::vector<std::string> asked(const std::string& io, std::uint64_t seed = 1) {
    const Play play(trial("- io: {id: a, " + io + "}\n- expect: {io: {id: a}}\n"),
                    Play::make<SimWorld>, seed);
    EXPECT_EQ(play.failures(), "");
    std::vector<std::string> lines;
    for (FrameId id = 0; id < play.ledger.size(); ++id) {
      const std::string line = play.ledger.summary(id);
      if (line.find("EXT lba") != std::string::npos)
        lines.push_back(line.substr(5, line.find(" tag") - 5));
    }
    return lines;
  }
};

TEST_F(LoadTest, OneRequestIsAtItsLba) {
  EXPECT_EQ(asked("op: read, lba: 3, count: 3"),
            (std::vector<std::string>{"READ EXT lba 3+2", "READ EXT lba 5+1"}));
  EXPECT_EQ(asked("op: flush"), std::vector<std::string>{"FLUSH CACHE EXT lba 0+0"});
}

TEST_F(LoadTest, ManyRequestsCoverBlocksOnceInAnOrderOfTheSeed) {
  const auto first = asked("op: read, count: 2, requests: 64, depth: 5");
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 64U) << "the whole disk";
  EXPECT_EQ(asked("op: read, count: 2, requests: 64, depth: 5"), first);
  EXPECT_NE(asked("op: read, count: 2, requests: 64, depth: 5", 2), first);
}

TEST_F(LoadTest, MixedMeansReadsAndWrites) {
  const auto frames = asked("op: mixed, count: 2, requests: 64, depth: 4");
  const auto writes = std::ranges::count_if(
      frames, [](const std::string& line) { return line.starts_with("WRITE EXT"); });
  EXPECT_GT(writes, 16);
  EXPECT_LT(writes, 48);
}

TEST_F(LoadTest, WithinASpanRequestsOverlapAndNoneIsForgottenThatHadToWait) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Play play(
        trial("- io: {id: a, op: mixed, count: 4, requests: 100, depth: 8, lba: 8, span: 8KiB}\n"
              "- io: {id: b, op: read, count: 4, requests: 50, depth: 8, lba: 8, span: 8KiB}\n"
              "- io: {id: f, op: flush, requests: 3}\n"
              "- io: {id: g, op: flush, requests: 3}\n"
              "- io: {id: t, op: trim, count: 4, requests: 20, depth: 4, span: 8KiB}\n"
              "- expect: {io: {id: a}}\n"
              "- expect: {io: {id: b}}\n"
              "- expect: {io: {id: t}}\n"),
        Play::make<SimWorld>, seed);
    ASSERT_EQ(play.failures(), "") << "seed " << seed;
    EXPECT_EQ(play.verdict.requests, 176U);
  }
}

TEST_F(LoadTest, NoMoreRequestsAreOutstandingThanItsDepth) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: a, op: read, count: 1, requests: 100, depth: 3}\n"
            "- wait: 50ms\n"));
  EXPECT_EQ(play.stage.hits("cut"), 3U);
}

TEST_F(LoadTest, OfADeviceThatIsDownAllRequestsFailAndNoStackOverflows) {
  std::string yaml = trial(
      "- arm: {fault: partition, id: cut}\n"
      "- io: {id: a, op: read, lba: 0}\n"
      "- expect: {io: {id: a, result: error}}\n"
      "- io: {id: b, op: read, count: 1, requests: 100000, depth: 2}\n"
      "- expect: {io: {id: b, result: error}}\n");
  yaml.replace(yaml.find("64KiB"), 5, "64MiB");
  EXPECT_EQ(Play(yaml).failures(), "");
}

// Seeds.

struct Evidence {
  std::string ledger;
  std::string initiator_side;
  std::string target_side;
  bool operator==(const Evidence&) const = default;
};

Evidence evidence_of(std::uint64_t seed) {
  const Folder folder;
  Play play(read_text(AOE_SCENARIOS "/retransmit.yaml"), Play::make<SimWorld>, seed,
            *Captures::create(folder.path()));
  EXPECT_EQ(play.failures(), "");
  EXPECT_TRUE(play.ledger.write(folder.path("ledger.jsonl")));
  EXPECT_TRUE(play.stage.captures().flush());
  return {read_text(folder.path("ledger.jsonl")), read_text(folder.path("initiator-side.pcap")),
          read_text(folder.path("target-side.pcap"))};
}

TEST(Seed, TheSameOneGivesTheSameRunToTheLastByteAndAnotherAnother) {
  const Evidence first = evidence_of(7);
  EXPECT_TRUE(evidence_of(7) == first);
  const Evidence second = evidence_of(8);
  EXPECT_FALSE(second.ledger == first.ledger);
  EXPECT_FALSE(second.initiator_side == first.initiator_side);
  EXPECT_FALSE(second.target_side == first.target_side);
}

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t seeds = 20;  // takes ten times as long
#else
constexpr std::uint64_t seeds = 100;
#endif

TEST(Seed, TheRetransmitScenarioPassesWithMany) {
  const std::string yaml = read_text(AOE_SCENARIOS "/retransmit.yaml");
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Play play(yaml, Play::make<SimWorld>, seed);
    ASSERT_EQ(play.failures(), "") << "seed " << seed;
    ASSERT_EQ(play.verdict.requests, 770U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace aoe::harness
