#include "harness/report/failure_groups.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

CaseRecord failed(const std::string& id, const std::string& clause, const std::string& actual,
                  Outcome outcome = Outcome::failed, const std::string& reason = "") {
  CaseRecord record;
  record.id = id;
  record.clauses = {clause, "2/7"};
  record.outcome = outcome;
  record.reason = reason;
  if (!actual.empty()) record.failures = {{"a.yaml:3", "reply", "", "", "x", actual, {}, {}}};
  return record;
}

/// "OUTCOME clause cause: cases" of each.
std::string groups(const std::vector<CaseRecord>& cases) {
  RunRecord run;
  run.cases = cases;
  std::string text;
  for (const FailureGroup& group : group_failures(run)) {
    text +=
        std::string(harness::text(group.outcome)) + " " + group.clause + " " + group.cause + ":";
    for (const std::size_t i : group.cases) text += " " + run.cases[i].id;
    text += "\n";
  }
  return text;
}

TEST(FailureGroups, AreOfOneClauseAndCause) {
  EXPECT_EQ(
      groups({failed("a", "3.1/6", "status: expected 0x41, got 0x40 (#3: e1.1 ATA reply)"),
              failed("b", "3.1/6", "status: expected 0x41, got 0x40 (#7: e1.1 ATA reply)"),
              failed("c", "3.1/6", "none after 16.4s"), failed("d", "3.1/6", "none after 16.5s"),
              failed("e", "2/4", "none after 16.5s"), failed("f", "2/4", "", Outcome::passed)}),
      "FAIL 2/4 no answer: e\n"
      "FAIL 3.1/6 status: expected 0x41, got 0x40: a b\n"
      "FAIL 3.1/6 no answer: c d\n");
}

TEST(FailureGroups, MayDifferInWhatCameInstead) {
  EXPECT_EQ(groups({failed("a", "2/15", "size: expected 60 or more, got 32 (2/15) (#3: e1.1)"),
                    failed("b", "2/15", "size: expected 60 or more, got 28 (2/15) (#3: e1.1)")}),
            "FAIL 2/15 size: expected 60 or more: a b\n");
}

TEST(FailureGroups, ThatAreKnownComeLastWithTheirReason) {
  EXPECT_EQ(groups({failed("a", "2/4", "x", Outcome::expected_failure, "It has Ver 0."),
                    failed("b", "2/4", "y", Outcome::expected_failure, "It has Ver 0."),
                    failed("c", "3.1/6", "", Outcome::inconclusive,
                           "this machine was too busy: times are only known to 529ms"),
                    failed("e", "2/4", "", Outcome::inconclusive,
                           "this machine was too busy: times are only known to 1.5s"),
                    failed("d", "3.1/6", "", Outcome::broken, "it ended with status 1")}),
            "ERROR  it ended with status 1: d\n"
            "INCONCLUSIVE  this machine was too busy: c e\n"
            "XFAIL 2/4 It has Ver 0.: a b\n");
}

TEST(FailureGroups, BlameTheClauseThatTheFailureNames) {
  CaseRecord record = failed("a", "3.1/6", "flags: expected 0, got 1");
  record.failures[0].clause = "2/5";
  EXPECT_EQ(groups({record}), "FAIL 2/5 flags: expected 0, got 1: a\n");
}

}  // namespace
}  // namespace aoe::harness
