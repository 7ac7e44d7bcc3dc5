#include "harness/judge/record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/judge/test_records.h"

namespace aoe::harness {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string complaint(const std::string& json) {
  const auto run = run_from_json(json);
  return run ? "none" : run.error();
}

TEST(Record, ARunComesBackFromJsonAsItWas) {
  RunRecord run = eventful_run();
  run.part = 2;
  run.parts = 3;
  const auto again = run_from_json(to_json(run));
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, run);
  EXPECT_EQ(run_from_json(to_json(RunRecord{})), RunRecord{});
}

TEST(Record, ACaseComesBackFromJsonAsItWas) {
  const CaseRecord record = eventful_run().cases[1];
  const auto again = case_from_json(to_json(record));
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, record);
}

TEST(Record, ItsJsonIsALineThatOthersCanRead) {
  RunRecord run;
  run.seed = 18446744073709551615U;
  run.slack = std::chrono::milliseconds(6);
  EXPECT_EQ(
      to_json(run),
      R"({"format":6,"version":"","started":"","seed":18446744073709551615,"world":"",)"
      R"("sut":"","sut_version":"","peer":"","peer_version":"","suite":"","part":1,"parts":1,)"
      R"("probes":[],"slack_ns":6000000,)"
      R"("interrupted":false,"not_run":[],"real_ns":0,"cases":[],"clauses":[]})"
      "\n");
}

TEST(Record, ItsJsonHasTheVerdictsOnItsClauses) {
  RunRecord run;
  run.cases.resize(1);
  run.cases[0].id = "a";
  run.cases[0].clauses = {"2/4"};
  run.cases[0].outcome = Outcome::failed;
  EXPECT_NE(to_json(run).find(
                R"("clauses":[{"id":"2/4","level":"must","verdict":"FAIL","cases":["a"]}])"),
            std::string::npos)
      << to_json(run);
  EXPECT_EQ(run_from_json(to_json(run)), run) << "they are made of the rest";
}

TEST(Record, WhatIsNoUtf8IsReplacedAndAllElseKept) {
  CaseRecord record;
  record.log = hostile;
  const auto again = case_from_json(to_json(record));
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->log, replaced(std::string(hostile), "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"));
}

TEST(Record, OutcomesAreCountedInTheirOrder) {
  EXPECT_EQ(count(eventful_run()), (Counts{1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(text(Outcome::passed), "PASS");
  EXPECT_EQ(text(Outcome::unexpected_pass), "XPASS");
}

TEST(Record, JsonThatIsWrongIsRefusedWithTheReason) {
  const std::string json = to_json(eventful_run());
  EXPECT_EQ(complaint(json), "none");
  EXPECT_EQ(complaint(""), "byte 1: this is no JSON");
  EXPECT_EQ(complaint(json + "x"), fmt::format("byte {}: this is no JSON", json.size() + 1));
  EXPECT_EQ(complaint(std::string(100'000, '[')), "byte 100001: this is no JSON");
  EXPECT_EQ(complaint("[]"), "expected an object, got an array");
  EXPECT_EQ(complaint("{}"), "format: is missing");
  EXPECT_EQ(complaint(replaced(json, "\"format\":6", "\"format\":1")), "format: expected 6, got 1");
  EXPECT_EQ(complaint(replaced(json, "\"world\":\"veth\",", "")), "world: is missing");
  EXPECT_EQ(complaint(replaced(json, "{\"format\"", "{\"colour\":1,\"format\"")),
            "unknown key 'colour'");
  EXPECT_EQ(complaint(replaced(json, "\"title\":", "\"titel\":")), "cases[0].title: is missing");
  EXPECT_EQ(complaint(replaced(json, "\"gap_before\":", "\"x\":1,\"gap_before\":")),
            "cases[1].failures[0].ladder[0]: unknown key 'x'");
  EXPECT_EQ(complaint(replaced(json, "\"interrupted\":true", "\"interrupted\":1")),
            "interrupted: expected true or false, got a number");
  EXPECT_EQ(complaint(replaced(json, "\"cases\":[", "\"cases\":[[],")),
            "cases[0]: expected an object, got an array");
  EXPECT_EQ(complaint(replaced(json, "\"not_run\":[\"flush-kill\"]", "\"not_run\":\"flush-kill\"")),
            "not_run: expected a list, got a string");
  EXPECT_EQ(complaint(replaced(json, "\"PASS\"", "\"pass\"")),
            "cases[0].outcome: no outcome is called 'pass'");
  EXPECT_EQ(complaint(replaced(json, "[0,0,16,", "[0,0,")),
            "cases[1].samples[0]: expected [at_ns, outstanding, window, rto_ns]");
}

TEST(Record, NumbersKeepToTheirKind) {
  const std::string json = to_json(eventful_run());
  const auto seed = [&](const std::string& number) {
    return complaint(replaced(json, "\"seed\":7,\"world\"", "\"seed\":" + number + ",\"world\""));
  };
  EXPECT_EQ(seed("18446744073709551615"), "none");
  EXPECT_EQ(seed("18446744073709551616"), "seed: expected an integer of 0 or more, got a number");
  EXPECT_EQ(seed("-1"), "seed: expected an integer of 0 or more, got a number");
  const auto slack = [&](const std::string& number) {
    return complaint(replaced(json, "\"slack_ns\":6000000", "\"slack_ns\":" + number));
  };
  EXPECT_EQ(slack("9223372036854775807"), "none");
  EXPECT_EQ(slack("9223372036854775808"), "slack_ns: is too large");
  EXPECT_EQ(slack("-9223372036854775808"), "none");
  EXPECT_EQ(slack("1.5"), "slack_ns: expected an integer, got a number");
  EXPECT_EQ(complaint(replaced(json, "\"tries\":1,", "\"tries\":4294967296,")),
            "cases[0].tries: is too large");
}

}  // namespace
}  // namespace aoe::harness
