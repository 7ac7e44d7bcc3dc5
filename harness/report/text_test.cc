#include "harness/report/text.h"

#include <gtest/gtest.h>

#include "harness/judge/test_records.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Printable, KeepsWhatIsACharacterAndReplacesEveryOtherByte) {
  EXPECT_EQ(printable("a\n\tb → é 𝛿"), "a\n\tb → é 𝛿");
  EXPECT_EQ(printable(std::string_view("\x1b[31m\0\x7f\r", 8)), "\ufffd[31m\ufffd\ufffd\ufffd");
  EXPECT_EQ(printable("\xff\x80"), "\ufffd\ufffd");
  EXPECT_EQ(printable("\xc2"), "\ufffd") << "cut short";
  EXPECT_EQ(printable("\xe2\x86"), "\ufffd\ufffd") << "cut short";
  EXPECT_EQ(printable("\xc0\xaf"), "\ufffd\ufffd") << "longer than it need be";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "half of a pair";
  EXPECT_EQ(printable("\xef\xbf\xbf"), "\ufffd\ufffd\ufffd") << "XML has no U+FFFF";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd") << "beyond Unicode";
  EXPECT_EQ(printable("\xc2\x9b"), "\ufffd\ufffd") << "a control sequence of one character";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\ufffd\ufffd\ufffd") << "turns the text around";
}

TEST(Printable, OnOneLineAndAsMarkup) {
  EXPECT_EQ(one_line("a\nb\tc"), "a b c");
  EXPECT_EQ(markup("<a href=\"x\">'&'\x01"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\ufffd");
}

TEST(Text, WidthCountsCharacters) {
  EXPECT_EQ(width("→ é"), 3U);
  EXPECT_EQ(padded("→", 3), "→  ");
  EXPECT_EQ(padded("long", 3), "long");
}

TEST(Text, TimesHaveThreeDigits) {
  EXPECT_EQ(brief(nanoseconds(0)), "0ns");
  EXPECT_EQ(brief(nanoseconds(999)), "999ns");
  EXPECT_EQ(brief(nanoseconds(1500)), "1.50us");
  EXPECT_EQ(brief(nanoseconds(999'499)), "999us");
  EXPECT_EQ(brief(nanoseconds(999'500)), "1.00ms");
  EXPECT_EQ(brief(milliseconds(112)), "112ms");
  EXPECT_EQ(brief(nanoseconds(9'995'000)), "10.0ms");
  EXPECT_EQ(brief(nanoseconds(41'230'000)), "41.2ms");
  EXPECT_EQ(brief(milliseconds(3591)), "3.59s");
  EXPECT_EQ(brief(seconds(100)), "1min 40s");
  EXPECT_EQ(brief(-milliseconds(20)), "-20ms");
  EXPECT_EQ(in_milliseconds(nanoseconds(1'203'004'000)), "1203.004");
}

TEST(Text, CountsNameWhatThereIs) {
  EXPECT_EQ(describe(Counts{}), "0 passed, 0 failed");
  EXPECT_EQ(describe(count(eventful_run())),
            "1 passed, 1 failed, 1 flaky, 1 inconclusive, 1 unsupported, 1 error, "
            "1 failed as expected, 1 passed unexpectedly");
  EXPECT_EQ(quantity(1, "frame"), "1 frame");
  EXPECT_EQ(quantity(2, "frame"), "2 frames");
}

TEST(Text, AnIdIsAScenarioAndItsVariant) {
  CaseRecord record;
  record.id = "reads[count=8,mtu=9000]";
  EXPECT_EQ(scenario_of(record), "reads");
  EXPECT_EQ(variant_of(record), "count=8,mtu=9000");
  record.id = "reads";
  EXPECT_EQ(scenario_of(record), "reads");
  EXPECT_EQ(variant_of(record), "");
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
