#include "initiator/engine/tag_table.h"

#include <set>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using State = Transmission::State;
using For = TagTable::For;

TEST(TagTable, EveryTagHasBit31) {
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 77U}) {
    TagTable tags(For::one_target, seed);
    for (int i = 0; i < 100; ++i) EXPECT_NE(tags.issue().tag & TagTable::ours, 0U);
  }
}

TEST(TagTable, TheKeyDecidesTheTags) {
  const auto first = [](For whom, std::uint64_t key) { return TagTable(whom, key).issue().tag; };
  EXPECT_EQ(first(For::one_target, 1), first(For::one_target, 1));
  EXPECT_NE(first(For::one_target, 1), first(For::one_target, 2));
}

TEST(TagTable, WhatIsBroadcastTellsNothingOfWhatIsNot) {
  TagTable everyone(For::everyone, 1);
  TagTable one(For::one_target, 1);
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t drawn = everyone.draw();
    const std::uint32_t issued = one.issue().tag;
    ASSERT_NE(drawn, issued);
    ASSERT_NE(drawn & 0x3fff'ffff, issued & 0x3fff'ffff);
    EXPECT_EQ(everyone.find(drawn), nullptr);
    EXPECT_EQ(one.find(drawn), nullptr);
  }
}

TEST(TagTable, FindsWhatWasIssuedAndNothingElse) {
  TagTable tags(For::one_target, 1);
  Transmission& issued = tags.issue();
  issued.command = 42;
  const std::uint32_t tag = issued.tag;
  ASSERT_NE(tags.find(tag), nullptr);
  EXPECT_EQ(tags.find(tag)->command, 42U);
  EXPECT_EQ(tags.find(tag + 1), nullptr);
  EXPECT_EQ(tags.find(tag & ~TagTable::ours), nullptr);
  EXPECT_EQ(tags.find(tag ^ 0x10000), nullptr);
  EXPECT_EQ(tags.find(0), nullptr);
}

TEST(TagTable, RemembersATagPastItsUse) {
  TagTable tags(For::one_target, 1);
  const std::uint32_t answered = tags.issue().tag;
  const std::uint32_t superseded = tags.issue().tag;
  tags.retire(*tags.find(answered), State::answered);
  tags.retire(*tags.find(superseded), State::superseded);
  for (int i = 0; i < 4000; ++i) tags.retire(tags.issue(), State::answered);
  EXPECT_EQ(tags.find(answered)->state, State::answered);
  EXPECT_EQ(tags.find(superseded)->state, State::superseded);
}

TEST(TagTable, AnOutstandingTagKeepsItsPlaceHoweverManyComeAfterIt) {
  TagTable tags(For::one_target, 1);
  const std::uint32_t kept = tags.issue().tag;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint32_t tag = tags.issue().tag;
    ASSERT_NE(tag, kept);
    tags.retire(*tags.find(tag), State::answered);
  }
  ASSERT_NE(tags.find(kept), nullptr);
  EXPECT_EQ(tags.find(kept)->state, State::outstanding);
}

TEST(TagTable, GrowsWithoutLosingATagOrGivingOneTwice) {
  TagTable tags(For::one_target, 1);
  std::set<std::uint32_t> all;
  const std::uint32_t late = tags.issue().tag;
  tags.retire(*tags.find(late), State::superseded);
  for (int i = 0; i < 50'000; ++i) EXPECT_TRUE(all.insert(tags.issue().tag).second);
  for (const std::uint32_t tag : all) ASSERT_NE(tags.find(tag), nullptr);
  ASSERT_NE(tags.find(late), nullptr);
  EXPECT_EQ(tags.find(late)->state, State::superseded);
}

}  // namespace
}  // namespace aoe::initiator
