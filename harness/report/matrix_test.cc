#include "harness/report/matrix.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/judge/test_records.h"
#include "harness/report/test_page.h"

namespace aoe::harness {
namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

CaseRecord case_of(const std::string& id, Outcome outcome, const std::string& clause) {
  CaseRecord record = eventful_run().cases[outcome == Outcome::failed ? 1 : 0];
  record.id = id;
  record.outcome = outcome;
  record.clauses = {clause};
  return record;
}

RunRecord run_of(const std::string& sut, const std::string& suite, std::vector<CaseRecord> cases) {
  RunRecord run = eventful_run();
  run.sut = sut;
  run.suite = suite;
  run.cases = std::move(cases);
  run.interrupted = false;
  run.not_run.clear();
  return run;
}

/// A target that breaks 2/4, another that keeps it, and an initiator.
Matrix matrix() {
  return Matrix(
      {{run_of("vblade", "target", {case_of("ver", Outcome::failed, "2/4")}), ""},
       {run_of("good", "target", {case_of("ver", Outcome::passed, "2/4")}), "good/i.html"},
       {run_of("client", "initiator", {case_of("tags", Outcome::passed, "2/31")}), ""}});
}

TEST(Matrix, HasARowForEachClauseAndAColumnForEachRun) {
  const std::string text = matrix().text();
  EXPECT_TRUE(holds(text, "[1] vblade veth, vblade 25\n    MUST 0 of ")) << text;
  EXPECT_TRUE(holds(text, "  2/4                       must     FAIL         PASS         -\n"))
      << text;
  EXPECT_TRUE(holds(text, "  2/31                      must     -            -            PASS\n"))
      << text;
  EXPECT_TRUE(holds(text, "  2/3                       must     untested     untested     -\n"))
      << text;
  const auto json = nlohmann::json::parse(matrix().json());
  EXPECT_EQ(json["columns"][0]["sut"], "vblade");
  for (const auto& row : json["clauses"]) {
    if (row["id"] == "2/4") {
      EXPECT_EQ(row["verdicts"].dump(), R"(["FAIL","PASS",null])");
    }
  }
}

TEST(Matrix, ThePageCarriesEachRunAndTheStoriesOfWhatFailed) {
  const auto columns = data_of(matrix().html())["columns"];
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0]["name"], "vblade veth");
  EXPECT_EQ(columns[0]["about"]["summary"], "0 passed, 1 failed");
  EXPECT_TRUE(holds(columns[0]["run"].dump(), "dropped by f1")) << "the ladder of what failed";
  EXPECT_EQ(columns[1]["page"], "good/i.html");
  EXPECT_EQ(columns[1]["run"]["cases"][0]["id"], "ver");
  for (const auto& clause : columns[2]["about"]["clauses"]) {
    const bool passed = clause["verdict"] == "PASS";
    EXPECT_EQ(passed, clause["id"] == "2/31") << clause;
    EXPECT_EQ(clause["cases"], passed ? nlohmann::json{0} : nlohmann::json::array()) << clause;
  }
}

TEST(Matrix, MarkdownAndJunitHaveAllOfThem) {
  const std::string markdown = matrix().markdown();
  EXPECT_TRUE(holds(markdown, "| vblade veth | vblade 25 | MUST 0 of ")) << markdown;
  EXPECT_TRUE(holds(markdown, "| 2/4 An answer has Ver 1. | must | ❌ FAIL | ✅ PASS | |\n"))
      << markdown;
  const std::string junit = matrix().junit();
  EXPECT_TRUE(holds(junit, "tests=\"3\" failures=\"1\" errors=\"0\" time=\"12.000\">\n")) << junit;
  EXPECT_TRUE(holds(junit, "id=\"2\" package=\"aoe\" name=\"aoe-harness veth client\"")) << junit;
  EXPECT_TRUE(holds(junit, "classname=\"vblade-veth.scenarios.loss\" name=\"ver\"")) << junit;
}

TEST(Matrix, WhatAPeerSaysIsMarkupInNoneOfThem) {
  RunRecord run = run_of(std::string(hostile), "target", {case_of("x", Outcome::failed, "2/4")});
  run.sut_version = run.world = run.cases[0].id = run.cases[0].reason = hostile;
  const Matrix bad({{run, "x"}, {run, "x"}});
  for (const std::string& text :
       {bad.html(), bad.markdown(), bad.json(), bad.text(), bad.junit()}) {
    EXPECT_FALSE(holds(text, "\xff")) << text;
    EXPECT_FALSE(holds(text, "\x1b")) << text;
    EXPECT_FALSE(holds(text, "\x01")) << text;
  }
  EXPECT_FALSE(holds(bad.html(), "<script>alert"));
  EXPECT_FALSE(holds(bad.junit(), "<script>alert"));
}

}  // namespace
}  // namespace aoe::harness
