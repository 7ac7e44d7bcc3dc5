#include "harness/run/play_step.h"

#include <gtest/gtest.h>

#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

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

}  // namespace
}  // namespace aoe::harness
