#include "harness/commands/answer_cases.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

Handover handover(const std::string& id, std::vector<std::string> clauses) {
  Handover handover;
  handover.record.id = id;
  handover.record.folder = "cases/" + id;
  for (std::string& clause : clauses) {
    FailureRecord& failure = handover.aside.broken.emplace_back();
    failure.rule = "every-answer";
    failure.clause = std::move(clause);
  }
  return handover;
}

TEST(AnswerCases, AreOneForEachClauseWhereverItWasBroken) {
  AnswerCases cases;
  cases.add(handover("a", {"2/4"}));
  cases.add(handover("b", {"2/15", "2/4"}));
  cases.add(handover("c", {}));
  const auto records = cases.cases();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].id, "target-every-answer[clause=2/15]");
  EXPECT_EQ(records[0].folder, "cases/b");
  EXPECT_EQ(records[1].id, "target-every-answer[clause=2/4]");
  EXPECT_EQ(records[1].title, "Every answer of every case: An answer has Ver 1.");
  EXPECT_EQ(records[1].clauses, std::vector<std::string>{"2/4"});
  EXPECT_EQ(records[1].outcome, Outcome::failed);
  EXPECT_EQ(records[1].failures.size(), 2U);
  EXPECT_EQ(records[1].notes, std::vector<std::string>{"in 2 cases: a, b"});
}

TEST(AnswerCases, AHandoverIsReadAsItWasWritten) {
  Handover given = handover("a", {"2/4", "2/5"});
  given.aside.answered = {"config read", "mask read"};
  given.aside.unanswered = "mask edit";
  const auto read = handover_from_text(to_text(given));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->record, given.record);
  EXPECT_EQ(read->aside, given.aside);
  EXPECT_EQ(handover_from_text("{}").error(), "it is cut short");
}

}  // namespace
}  // namespace aoe::harness
