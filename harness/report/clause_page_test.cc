#include "harness/report/clause_page.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

constexpr std::string_view catalogue_yaml = R"(
sections: {"2": Frames, "3": Commands}
clauses:
- {id: 2/1, binds: target, level: must, rule: An answer has a tag., room: Which is open.}
- {id: 2/2, binds: initiator, level: should, rule: A request has one.}
- {id: 2/3, binds: both, level: must, rule: Nobody sleeps., untested: nobody looks}
)";

Scenario about(const std::string& id, std::vector<std::string> clauses,
               std::vector<std::string> needs = {}) {
  Scenario scenario;
  scenario.id = id;
  scenario.clauses = std::move(clauses);
  scenario.needs = std::move(needs);
  return scenario;
}

/// About clause 2/1, and nothing but its frames says what a target must have.
Scenario asking_for(const std::string& kind) {
  auto scenario = parse_scenario(
      "scenario: b\ntitle: t\nclause: [2/1]\nroles: {target: {size: 64KiB}}\nsteps:\n- ask: "
      "{kind: " +
          kind + "}\n",
      "b.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return *std::move(scenario);
}

TEST(ClausePage, HasARowForEachClauseAndTheReasonsBelow) {
  const auto catalogue = parse_clauses(std::string(catalogue_yaml), "clauses.yaml");
  ASSERT_TRUE(catalogue) << catalogue.error();
  const std::vector<Scenario> target{about("a[x=1]", {"2/1"}), about("a[x=2]", {"2/1"}),
                                     asking_for("mask")};
  const std::vector<Scenario> initiator{about("c", {"2/2"}, {"flush"})};
  auto known = Expectations::parse(
      "expected-failures:\n- {case: \"a?x=2?\", reason: It has no tag.}\n"
      "- {case: \"target-every-answer?clause=2/3?\", reason: It sleeps.}\n",
      "x.yaml");
  ASSERT_TRUE(known);
  const std::string page = clause_page(
      *catalogue, {{"good", "target", {}, {}, target},
                   {"other", "target", {{"mask", "it has none"}}, *known, target},
                   {"asker", "initiator", {{"flush", "it never flushes"}}, {}, initiator}});
  EXPECT_NE(page.find("\n## §2 Frames\n\n"
                      "| clause | level | rule | good | other | asker |\n"
                      "| --- | --- | --- | --- | --- | --- |\n"
                      "| 2/1 | must | An answer has a tag. *Room: Which is open.* | keeps it | "
                      "**fails 1 of 3** | |\n"
                      "| 2/2 | should | A request has one. | | | lacks it |\n"
                      "| 2/3 | must | Nobody sleeps. *Untested: nobody looks* | untested | "
                      "**fails 1 of 1** | untested |\n"
                      "\n"
                      "- 2/1, other: It has no tag.\n"
                      "- 2/1, other: it has none\n"
                      "- 2/2, asker: it never flushes\n"
                      "- 2/3, other: It sleeps.\n"),
            std::string::npos)
      << page;
  EXPECT_EQ(page.find("Commands"), std::string::npos);
}

}  // namespace
}  // namespace aoe::harness
