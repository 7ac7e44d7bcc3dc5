#include "harness/commands/silences.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

Handover handover(const std::string& id, const std::string& unanswered,
                  std::set<std::string> answered = {}) {
  Handover handover;
  handover.record.id = id;
  handover.record.clauses = {"3.3/1"};
  handover.record.outcome = unanswered.empty() ? Outcome::passed : Outcome::failed;
  if (!unanswered.empty()) handover.record.failures.emplace_back().rule = "reply";
  handover.aside.answered = std::move(answered);
  handover.aside.unanswered = unanswered;
  return handover;
}

TEST(Silences, OneCauseIsToldOnce) {
  Silences silences;
  silences.add(0, handover("a", "mask edit", {"mask read"}));
  silences.add(1, handover("b", ""));
  silences.add(2, handover("c", "mask edit"));
  EXPECT_TRUE(silences.is_suspect(0));
  EXPECT_FALSE(silences.is_suspect(1));
  const auto causes = silences.causes();
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes[0].cases, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(causes[0].record.id, "target-unanswered[request=mask-edit]");
  EXPECT_EQ(causes[0].record.clauses, std::vector<std::string>{"2/14"});
  EXPECT_EQ(causes[0].record.outcome, Outcome::failed);
  EXPECT_EQ(causes[0].record.failures.front().clause, "2/14");
  EXPECT_EQ(causes[0].record.notes.front(), "none was answered, so 2 cases are not judged: a, c");
  EXPECT_EQ(causes[0].reason,
            "not judged: no mask edit is answered, see target-unanswered[request=mask-edit]");
}

TEST(Silences, AKindThatIsAnsweredElsewhereIsTheCasesOwnAffair) {
  Silences silences;
  silences.add(0, handover("a", "mask edit"));
  silences.add(1, handover("b", "mask edit"));
  EXPECT_TRUE(silences.is_suspect(1));
  silences.add(2, handover("c", "", {"mask edit"}));
  EXPECT_FALSE(silences.is_suspect(1));
  EXPECT_TRUE(silences.causes().empty());
}

TEST(Silences, SoIsOneThatOneCaseAloneAsksFor) {
  Silences silences;
  silences.add(0, handover("a", "mask edit"));
  EXPECT_TRUE(silences.causes().empty());
}

TEST(Silences, ACaseThatPassesInAnotherTryHadItsAnswer) {
  Silences silences;
  silences.add(0, handover("a", "mask edit"));
  silences.add(1, handover("b", "mask edit"));
  silences.add(1, handover("b", ""));
  EXPECT_TRUE(silences.causes().empty());
}

}  // namespace
}  // namespace aoe::harness
