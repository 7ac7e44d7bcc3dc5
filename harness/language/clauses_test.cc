#include "harness/language/clauses.h"

#include <gtest/gtest.h>

#include "harness/language/scenario.h"

namespace aoe::harness {
namespace {

std::string catalogue_of(const std::string& clause) {
  return "sections: {\"3.1\": ATA commands, profile: Traits}\nclauses:\n- " + clause + "\n";
}

std::string error_of(const std::string& clause) {
  const auto parsed = parse_clauses(catalogue_of(clause), "c.yaml");
  return parsed ? "" : parsed.error();
}

TEST(Clauses, AreReadWithTheirSections) {
  const auto read = parse_clauses(
      catalogue_of("{id: 3.1/7, binds: initiator, level: should, rule: R, room: O, untested: U}"),
      "c.yaml");
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->sections.size(), 2U);
  EXPECT_EQ(read->sections[0].id, "3.1");
  EXPECT_EQ(read->sections[0].title, "ATA commands");
  const Clause* clause = read->find("3.1/7");
  ASSERT_NE(clause, nullptr);
  EXPECT_EQ(clause->section, "3.1");
  EXPECT_EQ(text(clause->binds), "initiator");
  EXPECT_EQ(clause->level, Level::should);
  EXPECT_EQ(clause->rule + clause->room + clause->untested, "ROU");
  EXPECT_EQ(read->find("3.1/8"), nullptr);
}

TEST(Clauses, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_EQ(error_of("{id: 9/1, binds: both, level: must, rule: r}"),
            "c.yaml:3:8: clause: id: expected a section and a number, got '9/1'");
  EXPECT_EQ(error_of("{id: 3.1/, binds: both, level: must, rule: r}"),
            "c.yaml:3:8: clause: id: expected a section and a number, got '3.1/'");
  EXPECT_EQ(error_of("{id: 3.1/1, binds: both, level: must, rule: r}\n"
                     "- {id: 3.1/1, binds: both, level: must, rule: r}"),
            "c.yaml:4:8: clause: id: there is a clause 3.1/1 already");
  EXPECT_NE(error_of("{id: 3.1/1, binds: all, level: must, rule: r}"), "");
  EXPECT_NE(error_of("{id: 3.1/1, binds: both, level: must}"), "");
}

TEST(Clauses, TheLibraryCarriesThem) {
  const Clause* clause = clause_catalogue().find("3.1/6");
  ASSERT_NE(clause, nullptr);
  EXPECT_EQ(clause->rule, "A count of 0 is refused.");
  EXPECT_EQ(strictest_of({"profile/window", "3.1/16"}), Level::should);
  EXPECT_EQ(strictest_of({}), Level::info);
}

TEST(Clauses, AScenarioCitesThoseThatThereAre) {
  const std::string rest = "title: t\nroles: {target: {}}\nsteps: [{wait: 1ms}]\n";
  const auto cited = parse_scenario("scenario: s\nclause: [3.1/16, profile/window]\n" + rest, "x");
  ASSERT_TRUE(cited) << cited.error();
  EXPECT_EQ(cited->level, Level::should) << "the strictest of its clauses";
  const auto told = parse_scenario("scenario: s\nclause: 3.1/16\nlevel: info\n" + rest, "x");
  ASSERT_TRUE(told) << told.error();
  EXPECT_EQ(told->level, Level::info);
  const auto wrong = parse_scenario("scenario: s\nclause: [2/8, profile/windows]\n" + rest, "x");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(
      wrong.error(),
      "x:2:15: scenario: clause: there is no 'profile/windows'; did you mean 'profile/window'? "
      "(aoe-harness clauses lists them)");
}

}  // namespace
}  // namespace aoe::harness
