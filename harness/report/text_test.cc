#include "harness/report/text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/judge/test_records.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Text, CountsNameWhatThereIs) {
  EXPECT_EQ(describe(Counts{}), "0 passed, 0 failed");
  EXPECT_EQ(describe(count(eventful_run())),
            "1 passed, 1 failed, 1 flaky, 1 inconclusive, 1 unsupported, 1 error, "
            "1 failed as expected, 1 passed unexpectedly");
}

TEST(Text, AnOutcomeHasAStanding) {
  std::string standings;
  for (const CaseRecord& record : eventful_run().cases) {
    standings += fmt::format("{} {}{}\n", text(record.outcome),
                             static_cast<int>(standing_of(record.outcome)),
                             is_well(record.outcome) ? " well" : "");
  }
  EXPECT_EQ(standings,
            "PASS 0 well\nFAIL 1\nFLAKY 2\nINCONCLUSIVE 2\nUNSUPPORTED 3 well\nERROR 1\n"
            "XFAIL 3 well\nXPASS 1\n");
}

TEST(Text, AFailureNamesItsClauseAndItsField) {
  CaseRecord record = eventful_run().cases[1];
  FailureRecord& failure = record.failures[0];
  EXPECT_EQ(about(failure), "");
  failure.field = "ata.status";
  EXPECT_EQ(about(failure), " [ata.status]");
  failure.clause = "3.2/31";
  EXPECT_EQ(about(failure), " [3.2/31, ata.status]");
  EXPECT_NE(evidence_text(record).find("loss.yaml:14: retransmit [3.2/31, ata.status]\nexpected "),
            std::string::npos);
}

TEST(Text, TheFirstFailureSaysHowManyFollow) {
  CaseRecord record = eventful_run().cases[1];
  record.failures[0].expected = "this";
  record.failures[0].actual = "that";
  EXPECT_EQ(first_failure(record), "expected this, but: that");
  record.failures.resize(3);
  EXPECT_EQ(first_failure(record), "expected this, but: that (and 2 more)");
  EXPECT_EQ(first_failure(CaseRecord{}), "");
}

TEST(Text, AFailureIsToldWithItsLadder) {
  EXPECT_EQ(
      evidence_text(eventful_run().cases[1]),
      "1 of 2 expectations\n"
      "\n"
      "scenarios/loss.yaml:14: retransmit\n"
      "expected  retransmission of #2 (e1.1 READ EXT lba 2+2) in [346, 471] ms\n"
      "actual    at +1203ms, 732ms late (#32)\n"
      "       t(ms)      #  frame                                 fate\n"
      "       0.000      2  → e1.1 READ EXT lba 2+2 tag 02010a3c  dropped by f1\n"
      "       0.212     17  ← e1.1 lba 0+2 ok tag 02000a3c        delivered\n"
      "         ...\n"
      "    1203.004     32  → e1.1 READ EXT lba 2+2 tag 02100b69  retransmission of #2\n"
      "clause    profile/rexmit-timeout  A request is sent again when its timeout has run "
      "out, which follows the round trips seen, and is doubled each time.\n"
      "clause    2/38  Frames may be lost, repeated, overtake one another and be late; what is "
      "written and read is right all the same.\n"
      "repro     aoe-harness run scenarios/loss.yaml --seed 7\n");
}

TEST(Text, WhatBrokeIsToldWithTheEndOfItsLog) {
  CaseRecord record;
  record.reason = "the target was killed";
  record.log = std::string(5000, 'x') + "the end";
  const std::string text = evidence_text(record);
  EXPECT_TRUE(text.starts_with("the target was killed\nxxx")) << text;
  EXPECT_TRUE(text.ends_with("xxxthe end\n")) << text;
  EXPECT_LT(text.size(), 2100U);
}

}  // namespace
}  // namespace aoe::harness
