#include "harness/report/clause_list.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

constexpr std::string_view catalogue_text = R"(
sections: {"3.1": ATA commands, profile: Traits}
clauses:
- {id: 3.1/1, binds: target, level: must, rule: It is read., room: Much.}
- {id: 3.1/2, binds: both, level: should, rule: It is written.}
- {id: profile/x, binds: initiator, level: profile, rule: It is so., untested: Nobody can tell.}
)";

const ClauseCatalogue& catalogue() {
  static const ClauseCatalogue parsed = parse_clauses(std::string(catalogue_text), "c").value();
  return parsed;
}

/// With two scenarios about 3.1/1, one of which has two variants.
ClauseList list() {
  std::vector<Scenario> scenarios(3);
  scenarios[0].id = "a[count=1]";
  scenarios[1].id = "a[count=2]";
  scenarios[2].id = "b";
  for (Scenario& scenario : scenarios) scenario.clauses = {"3.1/1"};
  return {catalogue(), scenarios};
}

TEST(ClauseList, TellsEachClauseWithItsSectionAndItsScenarios) {
  EXPECT_EQ(list().text(),
            "3.1  ATA commands\n"
            "  3.1/1                    must     target     2 scenarios, 3 variants\n"
            "      It is read.\n"
            "      Room: Much.\n"
            "  3.1/2                    should   both       no scenario\n"
            "      It is written.\n"
            "\n"
            "profile  Traits\n"
            "  profile/x                profile  initiator  no scenario\n"
            "      It is so.\n"
            "      Untested: Nobody can tell.\n");
}

TEST(ClauseList, IsNarrowedDownBySectionAndById) {
  ClauseList some = list();
  ASSERT_TRUE(some.select({"profile", "3.1/2"}));
  EXPECT_EQ(some.json(), R"([
  {
    "id": "3.1/2",
    "section": "3.1",
    "level": "should",
    "binds": "both",
    "rule": "It is written.",
    "scenarios": 0,
    "variants": 0
  },
  {
    "id": "profile/x",
    "section": "profile",
    "level": "profile",
    "binds": "initiator",
    "rule": "It is so.",
    "untested": "Nobody can tell.",
    "scenarios": 0,
    "variants": 0
  }
]
)");
  EXPECT_EQ(list().select({"3.1/3"}).error(),
            "3.1/3: no such section or clause; did you mean '3.1/1'?");
}

TEST(ClauseList, AClauseIsCoveredByAScenarioOrAReason) {
  ClauseList uncovered = list();
  uncovered.select_uncovered();
  EXPECT_EQ(uncovered.text(),
            "3.1  ATA commands\n"
            "  3.1/2                    should   both       no scenario\n"
            "      It is written.\n");
  ASSERT_TRUE(uncovered.select({"profile"}));
  EXPECT_TRUE(uncovered.empty());
}

}  // namespace
}  // namespace aoe::harness
