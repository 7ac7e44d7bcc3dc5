#include "harness/report/page.h"

#include <gtest/gtest.h>

#include "harness/judge/test_records.h"
#include "harness/report/test_page.h"

namespace aoe::harness {
namespace {

/// Of `conform target`: 2/3 is kept, 2/4 is broken.
RunRecord page_run() {
  RunRecord run = eventful_run();
  run.suite = "target";
  run.cases.resize(2);
  run.cases[0].clauses = {"2/3", "2/4"};
  run.cases[1].clauses = {"2/4"};
  return run;
}

TEST(Page, CarriesTheRunAndWhatIsSaidOfIt) {
  const RunRecord run = page_run();
  const auto data = data_of(to_html(run));
  EXPECT_EQ(data["view"], "run");
  EXPECT_EQ(data["run"], nlohmann::json::parse(to_json(run)));
  EXPECT_FALSE(data.contains("earlier"));
  EXPECT_EQ(data["standings"].dump(),
            R"({"ERROR":"bad","FAIL":"bad","FLAKY":"doubtful","INCONCLUSIVE":"doubtful",)"
            R"("PASS":"good","UNSUPPORTED":"excused","XFAIL":"excused","XPASS":"bad"})");
  EXPECT_EQ(data["about"]["summary"], "1 passed, 1 failed");
  EXPECT_TRUE(data["about"]["verdict"].get<std::string>().starts_with("MUST 1 of "));
  for (const auto& clause : data["about"]["clauses"]) {
    if (clause["id"] != "2/4") continue;
    EXPECT_EQ(clause.dump(),
              R"({"cases":[0,1],"id":"2/4","verdict":"FAIL","words":"1 passed, 1 failed"})");
  }
  EXPECT_EQ(data["catalogue"]["clauses"]["2/4"]["rule"], "An answer has Ver 1.");
  EXPECT_EQ(data["catalogue"]["clauses"]["2/4"]["section"], "2");
  EXPECT_EQ(data["catalogue"]["sections"][0]["name"], "§2 Frames, addresses and tags");
}

TEST(Page, AnEarlierRunIsThereInOutline) {
  const RunRecord earlier = page_run();
  RunRecord run = page_run();
  run.cases[1].outcome = Outcome::passed;
  const auto data = data_of(to_html(run, &earlier));
  const auto& then = data["earlier"]["cases"][1];
  EXPECT_EQ(then["id"], run.cases[1].id);
  EXPECT_EQ(then["outcome"], "FAIL");
  EXPECT_EQ(then["real_ns"], 41'000'000);
  EXPECT_TRUE(then["failures"].empty() && then["samples"].empty() && then["log"] == "");
}

TEST(Page, AnOutlineMayKeepWhatFailed) {
  RunRecord run = page_run();
  run.cases[0].yaml = "scenario: x";
  const RunRecord kept = outline(run, true);
  EXPECT_EQ(kept.cases[1], run.cases[1]);
  EXPECT_EQ(kept.cases[0].yaml, "");
  EXPECT_EQ(outline(run, false).cases[1].failures, std::vector<FailureRecord>{});
}

TEST(Page, NothingInItsJsonEndsTheElement) {
  RunRecord run = page_run();
  run.sut = "</script><script>alert(1)</script><!-- {{title}} {{data}}";
  const std::string html = to_html(run);
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(html.find("<!-- {{title}}"), std::string::npos);
  EXPECT_EQ(data_of(html)["run"]["sut"], run.sut);
  const std::string hostile = page("<b> {{data}}", "run", "\"run\":\"{{plain}}\"", "{{title}}");
  EXPECT_NE(hostile.find("<title>&lt;b&gt; {{data}}</title>"), std::string::npos);
  EXPECT_NE(hostile.find("<noscript>{{title}}</noscript>"), std::string::npos);
}

TEST(Page, HasLevelsGroupsAndFrames) {
  RunRecord run = page_run();
  run.cases[1].failures[0].ladder[0].bytes = "02000000000102000000000288a2100000010100000000070";
  const auto about = data_of(to_html(run))["about"];
  EXPECT_EQ(about["levels"][0]["level"], "must");
  EXPECT_EQ(about["levels"][0]["verdicts"]["FAIL"], 1);
  EXPECT_EQ(about["groups"].size(), 1U);
  EXPECT_EQ(about["groups"][0]["clause"], "2/4");
  EXPECT_EQ(about["groups"][0]["cases"].dump(), "[1]");
  EXPECT_EQ(about["frames"]["1"][0]["2"][9].dump(), R"(["tag","0x00000007",20,4,false])");
}

TEST(Page, SaysTheSameWithoutScripts) {
  RunRecord run = page_run();
  run.cases[1].failures[0].actual = "<b>late</b>";
  run.cases[1].failures[0].ladder[0].bytes = "02000000000102000000000288a2100000010100000000070";
  const std::string html = to_html(run);
  const std::size_t at = html.find("<noscript>");
  const std::string plain = html.substr(at, html.find("</noscript>") - at);
  for (const char* words :
       {"1 passed, 1 failed", "MUST 1 of ", "FAIL 2/4 &lt;b&gt;late&lt;/b&gt;",
        "retransmission of #2", "An answer has Ver 1.", "<th>tag</th><td>0x00000007</td>"})
    EXPECT_NE(plain.find(words), std::string::npos) << words;
}

TEST(Page, OfAnEarlierRunTooHasTheChanges) {
  const RunRecord earlier = page_run();
  RunRecord run = page_run();
  run.cases[1].outcome = Outcome::passed;
  const auto changes = data_of(to_html(run, &earlier))["changes"];
  EXPECT_EQ(changes["cases"][0]["change"], "better");
  EXPECT_EQ(changes["same"], 1);
}

}  // namespace
}  // namespace aoe::harness
