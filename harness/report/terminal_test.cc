#include "harness/report/terminal.h"

#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "harness/judge/test_records.h"
#include "harness/report/text.h"

namespace aoe::harness {
namespace {

std::string shown(TerminalStyle style, const RunRecord& run) {
  Terminal terminal(style);
  std::string text = terminal.header(run);
  for (const CaseRecord& record : run.cases) text += terminal.finished(record);
  return text + terminal.summary(run, "runs/last/index.html");
}

constexpr std::string_view failure_block =
    "  title     A lost read is retransmitted in time\n"
    "  clause    profile/rexmit-timeout (profile): A request is sent again when its timeout has "
    "run out, which follows the round trips seen, and is doubled each time.\n"
    "  clause    2/38 (must): Frames may be lost, repeated, overtake one another and be late; what "
    "is written and read is right all the same.\n"
    "        scenarios/loss.yaml:14\n"
    "  expected  retransmission of #2 (e1.1 READ EXT lba 2+2) in [346, 471] ms\n"
    "  actual    at +1203ms, 732ms late (#32)\n"
    "       t(ms)      #  frame                                 fate\n"
    "       0.000      2  → e1.1 READ EXT lba 2+2 tag 02010a3c  dropped by f1\n"
    "       0.212     17  ← e1.1 lba 0+2 ok tag 02000a3c        delivered\n"
    "         ...\n"
    "    1203.004     32  → e1.1 READ EXT lba 2+2 tag 02100b69  retransmission of #2\n"
    "  repro     aoe-harness run scenarios/loss.yaml --seed 7\n";

TEST(Terminal, ARunIsALineForEachCaseAndTheEvidenceOfWhatFailed) {
  EXPECT_EQ(
      shown({}, eventful_run()),
      "seed 7  world veth  slack 6ms  sut vblade {shelf} {slot} {interface} {image}  "
      "peer aoe-initiator\n"
      "  PASS  retransmit                       12ms  retransmit +100ms in [100, 100] ms\n"
      "  FAIL  loss[depth=16,mtu=9000]         1.90s  1 of 2 expectations\n" +
          std::string(failure_block) +
          "  FLAKY 3/5  reorder                          12ms  3 of 5 tries passed\n"
          "  repro     aoe-harness run scenarios/reorder.yaml --seed 7\n"
          "  INCONCLUSIVE  slow                             12ms  this machine was too busy: times "
          "are only known to 1s, 500ms is the most\n"
          "  repro     aoe-harness run scenarios/slow.yaml --seed 7\n"
          "  UNSUPPORTED  mask                             12ms  vblade has no mask list\n"
          "  ERROR  crash                            12ms  the target was killed by signal 11 "
          "(Segmentation fault)\n"
          "  repro     aoe-harness run scenarios/crash.yaml --seed 7\n"
          "  XFAIL  flush                            12ms  vblade syncs nothing "
          "(https://example.org/vblade/12)\n"
          "  XPASS  reserve                          12ms  said to fail: the list is not kept\n"
          "  repro     aoe-harness run scenarios/reserve.yaml --seed 7\n"
          "interrupted: 1 case not run\n"
          "1 passed, 1 failed, 1 flaky, 1 inconclusive, 1 unsupported, 1 error, 1 failed as "
          "expected, 1 passed unexpectedly in 4s  runs/last/index.html\n");
}

TEST(Terminal, QuietlyOnlyWhatIsNotWellIsTold) {
  RunRecord run = eventful_run();
  run.interrupted = false;
  run.cases = {run.cases[0], run.cases[4], run.cases[6], run.cases[0]};
  EXPECT_EQ(
      shown({.verbosity = -1}, run),
      "seed 7  world veth  slack 6ms  sut vblade {shelf} {slot} {interface} {image}  "
      "peer aoe-initiator\n"
      "2 passed, 0 failed, 1 unsupported, 1 failed as expected in 4s  runs/last/index.html\n");
}

TEST(Terminal, VerboselyAllThatWasMeasured) {
  RunRecord run = eventful_run();
  EXPECT_EQ(Terminal({.verbosity = 1}).finished(run.cases[0]),
            "  PASS  retransmit                       12ms  64 requests, 130 frames, "
            "0 retransmissions\n"
            "        retransmit +100ms in [100, 100] ms\n");
}

TEST(Terminal, MoreVerboselyEachStepAndWhenItBegan) {
  const std::string text =
      Terminal({.verbosity = 2, .columns = 60}).finished(eventful_run().cases[1]);
  EXPECT_TRUE(text.substr(text.find('\n') + 1)
                  .starts_with("         0.000  discover: {expect: e1.1, within: 3s}\n"
                               "         5.000  expect: {retransmit: {of: f1, within: [rto,…\n"
                               "        retransmit +403ms in [346, 471] ms\n"))
      << text;
  EXPECT_NE(Terminal({.colour = true, .verbosity = 2})
                .finished(eventful_run().cases[1])
                .find("\x1b[31m         5.000  expect: "),
            std::string::npos)
      << "the one that was not met";
}

TEST(Terminal, NotesFillTheLineAndNoMore) {
  RunRecord run = eventful_run();
  run.cases[0].notes.assign(20, "retransmit +100ms in [100, 100] ms");
  const std::string line = Terminal({.columns = 90}).finished(run.cases[0]);
  EXPECT_EQ(width(line), 91U) << line;
  EXPECT_TRUE(line.ends_with("…\n")) << line;
}

TEST(Terminal, ProgressIsOnOneLineThatWhatFollowsErases) {
  Terminal terminal({.progress = true, .columns = 40});
  EXPECT_EQ(terminal.progress(3, 120, "loss"), "  3 of 120  loss");
  EXPECT_EQ(terminal.progress(4, 120, std::string(50, 'x')),
            "\r\x1b[K  4 of 120  " + std::string(26, 'x') + "…");
  const std::string line = terminal.finished(eventful_run().cases[0]);
  EXPECT_TRUE(line.starts_with("\r\x1b[K  PASS  retransmit ")) << line;
  EXPECT_TRUE(terminal.finished(eventful_run().cases[0]).starts_with("  PASS")) << "erased once";
  EXPECT_EQ(Terminal({}).progress(3, 120, "loss"), "");
}

TEST(Terminal, QuietCasesLeaveTheProgressAlone) {
  Terminal terminal({.progress = true, .verbosity = -1});
  terminal.progress(3, 120, "loss");
  EXPECT_EQ(terminal.finished(eventful_run().cases[0]), "");
  EXPECT_TRUE(terminal.summary(RunRecord{}, "x").starts_with("\r\x1b[K0 passed"));
}

TEST(Terminal, ColourMarksTheVerdictAndTheFrames) {
  const std::string text = Terminal({.colour = true}).finished(eventful_run().cases[1]);
  EXPECT_NE(text.find("\x1b[31mFAIL\x1b[m"), std::string::npos) << text;
  EXPECT_NE(text.find("\x1b[31m       0.000      2  → "), std::string::npos) << "struck";
  EXPECT_NE(text.find("\x1b[1m    1203.004     32  → "), std::string::npos) << "guilty";
}

TEST(Terminal, NothingThatAPeerSaysReachesTheTerminalAsAnEscapeSequence) {
  RunRecord run = eventful_run();
  run.sut = run.world = hostile;
  for (CaseRecord& record : run.cases) {
    record.id = record.reason = record.log = record.reproduce = record.file = hostile;
    record.notes = {std::string(hostile)};
  }
  FailureRecord& failure = run.cases[1].failures[0];
  failure.where = failure.expected = failure.actual = hostile;
  failure.ladder[0].what = failure.ladder[0].fate = hostile;
  run.cases[1].steps[0].word = run.cases[1].steps[0].text = hostile;
  for (const int verbosity : {-1, 0, 1, 2}) {
    const std::string text = shown({.verbosity = verbosity}, run);
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_EQ(text.find('\xff'), std::string::npos) << text;
  }
}

TEST(Terminal, OnlyATerminalHasColourAndProgress) {
  const int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_GE(terminal, 0);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  EXPECT_FALSE(terminal_style(file, 0).colour);
  EXPECT_FALSE(terminal_style(file, 0).progress);
  EXPECT_TRUE(terminal_style(terminal, 0).colour);
  EXPECT_TRUE(terminal_style(terminal, 0).progress);
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(terminal_style(terminal, 0).colour);
  EXPECT_TRUE(terminal_style(terminal, 0).progress);
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(terminal_style(terminal, 0).progress);
  close(file);
  close(terminal);
}

/// Of a suite, with a broken, a kept and an unsupported clause.
RunRecord terminal_run() {
  RunRecord run;
  run.seed = 7;
  run.world = "veth";
  run.sut = "vblade";
  run.suite = "target";
  run.probes = {{"mask", false, "e1.1 mask read", "nothing"}};
  run.cases.resize(3);
  run.cases[0].id = "kept";
  run.cases[0].clauses = {"2/3", "2/4"};
  run.cases[1].id = "broken";
  run.cases[1].clauses = {"2/4"};
  run.cases[1].outcome = Outcome::failed;
  run.cases[2].id = "mask";
  run.cases[2].clauses = {"3.3/1"};
  run.cases[2].outcome = Outcome::unsupported;
  run.cases[2].reason = "vblade has no mask";
  return run;
}

bool holds_lines(const std::string& text, const std::string& lines) {
  return text.find(lines) != std::string::npos;
}

TEST(Terminal, ASuiteIsToldSectionBySectionAndEndsWithAVerdictALevel) {
  const std::string text = shown({}, terminal_run());
  EXPECT_TRUE(
      text.starts_with("seed 7  world veth  sut vblade\n"
                       "  lacks  mask           asked e1.1 mask read; nothing\n"
                       "  FAIL  broken "))
      << text << "what passed is told with its clause";
  EXPECT_TRUE(holds_lines(text,
                          "2  Frames, addresses and tags\n"
                          "  untested      2/1                     must     no case\n"))
      << text;
  EXPECT_TRUE(holds_lines(text,
                          "  PASS          2/3                     must     An answer has flag R.\n"
                          "  FAIL          2/4                     must     1 passed, 1 failed\n"
                          "        An answer has Ver 1.\n"
                          "        FAIL   broken\n"))
      << text;
  EXPECT_TRUE(holds_lines(text,
                          "  UNSUPPORTED   3.3/1                   must     0 passed, 0 failed, "
                          "1 unsupported\n"
                          "        A read lists the whole list.\n"
                          "        vblade has no mask\n"))
      << text;
  EXPECT_TRUE(holds_lines(text, "runs/last/index.html\nMUST 1 of ")) << text;
  EXPECT_TRUE(holds_lines(text, " kept, 1 broken, 1 unsupported, ")) << text;
}

TEST(Terminal, OfASuiteQuietlyOnlyTheClausesThatAreNotKept) {
  const std::string text = shown({.verbosity = -1}, terminal_run());
  EXPECT_FALSE(holds_lines(text, "An answer has flag R.")) << text;
  EXPECT_TRUE(holds_lines(text, "An answer has Ver 1.")) << text;
  EXPECT_FALSE(holds_lines(text, "lacks")) << text;
}

}  // namespace
}  // namespace aoe::harness
