#include "harness/report/outputs.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "harness/judge/test_records.h"
#include "harness/report/junit.h"
#include "harness/report/markdown.h"
#include "harness/report/page.h"
#include "harness/report/test_page.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A run of one case.
RunRecord run_of(std::size_t number) {
  RunRecord run = eventful_run();
  run.cases = {run.cases[number]};
  run.interrupted = false;
  run.not_run.clear();
  return run;
}

/// Everything a peer may have had a word in says the worst.
RunRecord hostile_run() {
  RunRecord run = run_of(1);
  const std::string bad(hostile);
  run.version = run.started = run.world = run.sut = run.sut_version = run.peer = run.peer_version =
      bad;
  run.suite = "target";
  run.probes = {{bad, false, bad, bad}};
  CaseRecord& record = run.cases[0];
  record.id = record.title = record.file = record.reason = record.yaml = record.log = bad;
  record.folder = record.reproduce = record.level = bad;
  record.clauses = record.tags = record.notes = run.not_run = {bad};
  FailureRecord& failure = record.failures[0];
  failure.where = failure.rule = failure.clause = failure.field = failure.expected = bad;
  failure.actual = bad;
  for (LadderLine& line : failure.ladder) line.what = line.fate = bad;
  for (StepRecord& step : record.steps) step.where = step.word = step.text = bad;
  for (DueRecord& due : record.dues) due.where = due.what = bad;
  for (Incident& incident : record.incidents) incident.text = bad;
  return run;
}

TEST(Outputs, AreKindsAndFiles) {
  std::vector<Output> outputs;
  ASSERT_TRUE(parse_outputs("junit=a.xml,html=b=c.html", outputs));
  ASSERT_TRUE(parse_outputs("md=-", outputs));
  EXPECT_EQ(outputs, (std::vector<Output>{{ReportKind::junit, "a.xml"},
                                          {ReportKind::html, "b=c.html"},
                                          {ReportKind::markdown, "-"}}));
  const auto complaint = [&](const std::string& list) {
    const auto parsed = parse_outputs(list, outputs);
    return parsed ? "none" : parsed.error();
  };
  EXPECT_EQ(complaint("jnuit=a.xml"), "jnuit: no such report; did you mean 'junit'?");
  EXPECT_EQ(complaint("pdf=a.pdf"), "pdf: no such report; there are html, json, junit, md");
  EXPECT_EQ(complaint("json"), "json: expected a file, as in json=FILE");
  EXPECT_EQ(complaint("json="), "json: expected a file, as in json=FILE");
  EXPECT_EQ(complaint("json=a,"), ": no such report; there are html, json, junit, md");
}

TEST(Outputs, AreWrittenWholeOrNotAtAll) {
  const Folder folder;
  const RunRecord run = eventful_run();
  ASSERT_TRUE(write_outputs({{ReportKind::json, folder.path("run.json")}}, run));
  EXPECT_EQ(read_run(folder.path("run.json")), run);
  EXPECT_EQ(read_run(folder.path()), run) << "the folder that it is in";

  std::ofstream(folder.path("kept")) << "before";
  EXPECT_EQ(write_outputs({{ReportKind::markdown, folder.path("none/x.md")},
                           {ReportKind::markdown, folder.path("run.md")}},
                          run)
                .error(),
            folder.path("none/x.md") + ": No such file or directory");
  EXPECT_EQ(read_text(folder.path("run.md")), to_markdown(run)) << "the others are written";
  const auto files = std::filesystem::directory_iterator(folder.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 3) << "nothing is left beside them";
}

TEST(Outputs, ARunThatIsNoneIsNamed) {
  const Folder folder;
  EXPECT_EQ(read_run(folder.path("x.json")).error(),
            folder.path("x.json") + ": No such file or directory");
  std::ofstream(folder.path("run.json")) << "{";
  EXPECT_EQ(read_run(folder.path()).error(), folder.path("run.json") + ": byte 2: this is no JSON");
}

TEST(Junit, ACaseIsAPassAFailureAnErrorOrASkip) {
  const std::string xml = to_junit(eventful_run());
  EXPECT_TRUE(contains(xml,
                       "<testsuites name=\"aoe-harness\" tests=\"9\" failures=\"2\" "
                       "errors=\"1\" time=\"4.000\">"));
  EXPECT_TRUE(contains(xml, "skipped=\"5\""));
  EXPECT_TRUE(contains(xml, "timestamp=\"2026-11-22T16:40:00\""));
  EXPECT_TRUE(contains(xml,
                       "<testcase classname=\"scenarios.retransmit\" name=\"retransmit\" "
                       "time=\"0.003\"/>"));
  EXPECT_TRUE(contains(
      xml,
      "<failure type=\"retransmit\" message=\"expected retransmission of #2 (e1.1 READ EXT lba "
      "2+2) in [346, 471] ms, but: at +1203ms, 732ms late (#32)\">1 of 2 expectations\n"));
  EXPECT_TRUE(contains(xml, "dropped by f1\n"));
  EXPECT_TRUE(contains(xml, "<skipped message=\"FLAKY 3/5: 3 of 5 tries passed\"/>"));
  EXPECT_TRUE(contains(xml, "<skipped message=\"UNSUPPORTED: vblade has no mask list\"/>"));
  EXPECT_TRUE(contains(xml, "<error type=\"ERROR\" message=\"the target was killed by signal 11"));
  EXPECT_TRUE(contains(xml, "<skipped message=\"XFAIL: vblade syncs nothing"));
  EXPECT_TRUE(contains(xml, "<failure type=\"XPASS\" message=\"said to fail"));
  EXPECT_TRUE(contains(xml, "<skipped message=\"not run: interrupted\"/>"));
}

TEST(Markdown, IsATableOfWhatIsNoPassAndFoldedEvidence) {
  const std::string text = to_markdown(eventful_run());
  EXPECT_TRUE(text.starts_with("### ❌ aoe-harness: 1 passed, 1 failed, 1 flaky"));
  EXPECT_TRUE(contains(text, "**Interrupted**: 1 case not run."));
  EXPECT_TRUE(contains(text,
                       "\n| ❌ FAIL | loss\\[depth=16,mtu=9000\\] | 1 of 2 expectations | "
                       "1.90s |\n"));
  EXPECT_TRUE(contains(text,
                       "<details><summary>FAIL <code>loss[depth=16,mtu=9000]</code>: "
                       "A lost read is retransmitted in time</summary>\n\n```\n"));
  EXPECT_FALSE(contains(text, "| retransmit |"));
  EXPECT_EQ(to_markdown(run_of(0)),
            "### ✅ aoe-harness: 1 passed, 0 failed\n\n"
            "seed 7, world veth, sut vblade \\{shelf\\} \\{slot\\} \\{interface\\} \\{image\\}, "
            "4s\n");
}

TEST(Markdown, IsNeverTooLongForItsReader) {
  RunRecord run = run_of(1);
  run.cases[0].failures[0].actual = std::string(1000, 'x');
  run.cases.assign(3000, run.cases[0]);
  const std::string text = to_markdown(run);
  EXPECT_LT(text.size(), 1'000'000U);
  EXPECT_TRUE(contains(text, "\nand 2800 more\n"));
  EXPECT_TRUE(text.ends_with("the details are left out.\n"));
}

TEST(Markdown, AFenceIsLongerThanTheBackticksInIt) {
  RunRecord run = run_of(1);
  run.cases[0].failures[0].actual = "````";
  EXPECT_TRUE(contains(to_markdown(run), "\n`````\n1 of 2"));
}

/// As of `conform target`: 2/3 kept, 2/4 broken.
RunRecord suite_run() {
  RunRecord run = run_of(1);
  run.suite = "target";
  run.cases[0].clauses = {"2/4"};
  run.cases.push_back(run_of(0).cases[0]);
  run.cases[1].clauses = {"2/3", "2/4"};
  return run;
}

TEST(Outputs, ASuiteIsToldByItsClauses) {
  const std::string markdown = to_markdown(suite_run());
  EXPECT_TRUE(contains(markdown, "\n**MUST 1 of ")) << markdown;
  EXPECT_TRUE(
      contains(markdown, "\n| ❌ FAIL | 2/4 | must | An answer has Ver 1. | 1 passed, 1 failed |\n"))
      << markdown;
  EXPECT_FALSE(contains(markdown, "| 2/3 |")) << "what is kept is only counted";

  const std::string junit = to_junit(suite_run());
  EXPECT_TRUE(
      contains(junit, "<property name=\"clause.2/4\" value=\"FAIL: 1 passed, 1 failed\"/>"));
  EXPECT_TRUE(contains(junit, "<property name=\"verdict\" value=\"MUST 1 of "));
  EXPECT_TRUE(contains(junit, "\nclause    2/4  An answer has Ver 1.\n"));

  const auto page = data_of(to_html(suite_run()));
  for (const auto& clause : page["about"]["clauses"]) {
    if (clause["id"] == "2/4") {
      EXPECT_EQ(clause["verdict"], "FAIL");
    }
  }
  EXPECT_TRUE(contains(page.dump(), "§2 Frames, addresses and tags"));
}

TEST(Outputs, WhatAPeerSaysIsMarkupInNoneOfThem) {
  const RunRecord run = hostile_run();
  for (const ReportKind kind :
       {ReportKind::html, ReportKind::junit, ReportKind::markdown, ReportKind::json}) {
    const std::string text = render(kind, run);
    EXPECT_FALSE(contains(text, "\xff")) << text;
    EXPECT_FALSE(contains(text, "\x1b")) << text;
    EXPECT_FALSE(contains(text, "\x01")) << text;
    if (kind == ReportKind::html || kind == ReportKind::junit) {
      EXPECT_FALSE(contains(text, "<script>alert")) << text;
    }
  }
}

}  // namespace
}  // namespace aoe::harness
