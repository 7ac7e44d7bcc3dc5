#include "harness/run/runner.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

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
  EXPECT_GE(play.parties.retransmissions(), 16U);
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

const std::string read_and_expect =
    "- warmup: {reads: 16}\n"
    "- io: {id: r, op: read, lba: 4, count: 2}\n"
    "- expect: {io: {id: r}}\n";

TEST(Mutant, ATargetThatAnswersTwiceIsFound) {
  const Play play(with_mutant(trial(read_and_expect), "target", "answers-twice"));
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

TEST(Mutant, ATargetThatAnswersWhatNobodyAskedIsFound) {
  EXPECT_EQ(
      Play(with_mutant(trial(""), "target", "answers-unasked")).failures(),
      "line 0: expected no-unasked-reply: a target answers what reached it, each copy at most "
      "once (AoEr11 §2)\n"
      "actual #n (e1.1 ATA reply ok lba 0 left 0 tag t) has a tag that no request had");
}

TEST(Mutant, AWriteThatIsAcknowledgedAndNotStoredIsFoundInTheStore) {
  EXPECT_EQ(
      Play(with_mutant(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                             "- expect: {io: {id: w}}\n"),
                       "target", "forgets-writes"))
          .failures(),
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual in the store, sector 4 holds what it held at first, expected write 1");
}

TEST(Mutant, AndByWhoeverReadsIt) {
  const Play play(with_mutant(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                                    "- expect: {io: {id: w}}\n"
                                    "- io: {id: r, op: read, lba: 0}\n"
                                    "- expect: {io: {id: r}}\n"),
                              "target", "forgets-writes"));
  EXPECT_EQ(
      play.failures(),
      "line 11: expected io r completes with right data\n"
      "actual sector 4 holds what it held at first, expected write 1\n"
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual in the store, sector 4 holds what it held at first, expected write 1");
}

TEST(Mutant, WhereDataIsNotToBeCheckedTheStoreIsNot) {
  EXPECT_EQ(Play(with_mutant(trial("- io: {id: w, op: write, lba: 4, count: 2}\n"
                                   "- expect: {io: {id: w}}\n",
                                   "always: [no-unasked-reply]\n"),
                             "target", "forgets-writes"))
                .failures(),
            "");
}

TEST(Mutant, ABitThatFlipsIsFoundWhetherOrNotTheResultIsExpected) {
  EXPECT_EQ(Play(with_mutant(trial("- io: {id: r, op: read, lba: 4, count: 2}\n"
                                   "- expect: {io: {id: r}}\n"),
                             "target", "flips-a-bit"))
                .failures(),
            "line 9: expected io r completes with right data\n"
            "actual sector 5 holds what it held at first damaged, expected what it held at first");
  EXPECT_EQ(
      Play(with_mutant(trial("- io: {id: r, op: read, lba: 4, count: 2}\n"), "target",
                       "flips-a-bit"))
          .failures(),
      "line 0: expected data-integrity: reads return, and the store holds, what was written and "
      "acknowledged\n"
      "actual io r read: sector 5 holds what it held at first damaged, expected what it held at "
      "first");
  EXPECT_EQ(Play(with_mutant(trial("- warmup: {reads: 4}\n"), "target", "flips-a-bit"))
                .failures()
                .substr(0, 38),
            "line 8: expected 4 reads to warm up\nac");
}

TEST(Mutant, AnInitiatorThatRepeatsEarlyIsFound) {
  const std::string yaml =
      trial("- io: {id: r, op: read, lba: 4, count: 2}\n- expect: {io: {id: r}}\n");
  EXPECT_EQ(Play(with_mutant(yaml, "initiator", "repeats-early")).failures(),
            "line 0: expected no-early-retransmit: no request is repeated before its timeout "
            "(profile/rexmit-timeout)\n"
            "actual #n (e1.1 READ EXT lba 4+2 tag t) repeats #n after 0ns, its timeout is "
            "100ms");
  EXPECT_EQ(Play(with_mutant(yaml, "initiator", "repeats-early-by-the-same-tag")).failures(),
            "line 0: expected no-early-retransmit: no request is repeated before its timeout "
            "(profile/rexmit-timeout)\n"
            "actual #n (e1.1 READ EXT lba 4+2 tag t) repeats #n after 0ns, its timeout is "
            "100ms");
}

TEST(Mutant, AnInitiatorThatNeverRepeatsIsFound) {
  EXPECT_EQ(
      Play(with_mutant(
               trial("- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}\n"
                     "- io: {id: r, op: read, lba: 4, count: 2}\n"
                     "- expect: {retransmit: {of: loss, within: [rto, rto + tick + slack]}}\n"),
               "initiator", "never-repeats"))
          .failures(),
      "line 10: expected retransmission of #n (e1.1 READ EXT lba 4+2 tag t) in [100, 100] "
      "ms\n"
      "actual none after 200ms");
}

TEST(Mutant, AnInitiatorThatOverrunsTheTargetsBuffersIsFound) {
  EXPECT_EQ(
      Play(
          with_mutant(trial("- io: {id: r, op: read, lba: 4, count: 2}\n- expect: {io: {id: r}}\n"),
                      "initiator", "overruns-buffers"))
          .failures(),
      "line 0: expected window-respected: no more requests wait than the target has buffers, or "
      "maxout allows (AoEr11 §3.2)\n"
      "actual #n (e1.1 READ EXT lba 36+2 tag t) makes 17 unanswered requests at e1.1 "
      "(02:00:00:00:00:02), 16 may be");
}

TEST(Mutant, AnInitiatorThatUsesATagTwiceIsFound) {
  EXPECT_EQ(
      Play(
          with_mutant(trial("- io: {id: r, op: read, lba: 4, count: 4}\n- expect: {io: {id: r}}\n"),
                      "initiator", "uses-one-tag"))
          .failures(),
      "line 0: expected tag-unique-in-flight: requests that wait for answers have different tags "
      "(AoEr11 §2)\n"
      "actual #n (e1.1 READ EXT lba 6+2 tag t) has the tag of #n (e1.1 READ EXT lba 4+2 "
      "tag t), which is still unanswered");
}

TEST(Runner, ACheckThatTheScenarioDoesNotNameIsNotMade) {
  EXPECT_EQ(Play(with_mutant(trial(read_and_expect, "always: [data-integrity]\n"), "target",
                             "answers-twice"))
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

TEST(Runner, AWorldThatIsTooSlowTellsWhatNoTimeDecides) {
  const std::string by_hand =
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}}\nsteps:\n- ask: {kind: read}\n";
  EXPECT_EQ(Play(by_hand, Play::make<Slow>).verdict.outcome, Outcome::passed);
  const std::string silence = "- ask: {kind: read, shelf: 9, expect: silence}\n";
  EXPECT_EQ(Play(by_hand + silence, Play::make<Slow>).verdict.outcome, Outcome::inconclusive);
}

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

class Slower final : public SimWorld {
  using SimWorld::SimWorld;
  Duration slack() const override { return seconds(3); }
};

TEST(Runner, AnAnswerThatIsWrongIsSoHoweverSlowTheWorldIs) {
  const Play play(trial("- config: {op: read, expect: bad-argument}\n"), Play::make<Slow>);
  EXPECT_EQ(play.verdict.outcome, Outcome::failed);
}

TEST(Runner, ButWhatNoSlownessExcusesHasFailed) {
  const std::string yaml = trial("- io: {id: w, op: write, lba: 4}\n- expect: {io: {id: w}}\n");
  const Play play(with_mutant(yaml, "target", "forgets-writes"), Play::make<Slower>);
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
  const Play play(trial("- warmup: {reads: 16, depth: 4}\n"
                        "- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}\n"
                        "- io: {id: r, op: read, lba: 4, count: 2}\n"
                        "- expect: {retransmit: {of: loss, within: [rto, rto + tick + slack]}}\n"),
                  Play::make<Rough>);
  EXPECT_EQ(play.failures(), "");
  EXPECT_EQ(play.notes(), "retransmit +100ms in [80, 120] ms");
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
            *Captures::create(folder.path(), Network::of_two()));
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
