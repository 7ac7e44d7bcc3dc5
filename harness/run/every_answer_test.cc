#include "harness/run/every_answer.h"

#include <gtest/gtest.h>

#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// What the answers of a case broke: "2/4 version: expected …".
std::string broken(const std::string& mutant, const std::string& steps) {
  const Play play(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}, mutant: {end: target, behave: " +
      mutant + "}}\nsteps:\n" + steps);
  std::string text;
  for (const Finding& finding : play.verdict.answers) {
    text += finding.clause + " expected " + finding.expected + ", got " + finding.actual + "\n";
  }
  EXPECT_EQ(play.failures(), "") << "whatever they broke, the case is about something else";
  return comparable(text);
}

TEST(EveryAnswer, ChargesTheFirstAnswerAndCountsTheOthers) {
  EXPECT_EQ(
      broken("refuses-as-version-0",
             "- config: {op: 9, expect: bad-argument}\n"
             "- mask: {op: 9, expect: bad-argument}\n"
             "- reserve: {op: 9, expect: bad-argument}\n"),
      "2/4 expected version: 1, got 0 (#n: e1.1 bad config reply, 60 bytes: unsupported version "
      "(offset 14: have 0, need 1) tag t) (and n more)\n");
}

TEST(EveryAnswer, FindsATagThatNoRequestHad) {
  EXPECT_EQ(
      broken("answers-unasked", "- ask: {kind: read}\nalways: [liveness]\n"),
      "2/7 expected tag: that of a request, got 0x0a000000 (#n: e1.1 ATA reply ok lba 0 left 0 "
      "tag t)\n");
}

TEST(EveryAnswer, LeavesAloneTheAnswersToWhatNobodyMaySend) {
  EXPECT_EQ(broken("sets-a-reserved-flag", "- send: {config: {op: read}, flags: 1}\n- wait: 1ms\n"),
            "");
}

TEST(EveryAnswer, LeavesAloneWhatAFaultHasDone) {
  const Play play(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}}\nsteps:\n"
      "- arm: {fault: corrupt, id: c, match: {direction: to-initiator}, set: {version: 0}}\n"
      "- send: {config: {op: read}}\n"
      "- wait: 10ms\n");
  EXPECT_TRUE(play.verdict.answers.empty());
}

}  // namespace
}  // namespace aoe::harness
