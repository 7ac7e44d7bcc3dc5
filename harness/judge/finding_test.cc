#include "harness/judge/finding.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(Finding, HasTheClauseOfItsRuleOrACloserOne) {
  const Finding plain = make_finding("accepted", "a count of 0", {3, 7});
  EXPECT_EQ(plain.rule, "accepted");
  EXPECT_EQ(plain.clause, "3.1/5");
  EXPECT_EQ(plain.frame(), 7U);
  EXPECT_TRUE(plain.certain);
  EXPECT_EQ(make_finding("accepted", "a count of 0", {3, 7}, "3.1/6").clause, "3.1/6");
}

TEST(Finding, HasTheLevelOfItsClauseUnlessNobodyDidWrong) {
  EXPECT_EQ(level_of(make_finding("tag-in-use", "", {1})), Level::must);
  EXPECT_EQ(level_of(make_finding("short-frame", "", {1})), Level::should);
  EXPECT_EQ(level_of(make_finding("retransmitted", "", {1})), Level::info);
  EXPECT_EQ(level_of({.rule = "expect"}), Level::info) << "the word of a step";
}

}  // namespace
}  // namespace aoe::harness
