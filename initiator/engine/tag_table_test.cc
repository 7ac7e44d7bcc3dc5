#include "initiator/engine/tag_table.h"

#include <set>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using State = Transmission::State;

TEST(TagTable, EveryTagHasBit31) {
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 77U}) {
    TagTable tags(seed);
    for (int i = 0; i < 100; ++i) EXPECT_NE(tags.issue().tag & TagTable::ours, 0U);
  }
}

TEST(TagTable, CountingBeginsWhereTheSeedSays) {
  EXPECT_EQ(TagTable(1).issue().tag, TagTable(1).issue().tag);
  EXPECT_NE(TagTable(1).issue().tag, TagTable(2).issue().tag);
}

TEST(TagTable, FindsWhatWasIssuedAndNothingElse) {
  TagTable tags(1);
  Transmission& issued = tags.issue();
  issued.command = 42;
  const std::uint32_t tag = issued.tag;
  ASSERT_NE(tags.find(tag), nullptr);
  EXPECT_EQ(tags.find(tag)->command, 42U);
  EXPECT_EQ(tags.find(tag + 1), nullptr);
  EXPECT_EQ(tags.find(tag & ~TagTable::ours), nullptr);
  EXPECT_EQ(tags.find(tag ^ 0x10000), nullptr);  // the same place in the table
  EXPECT_EQ(tags.find(0), nullptr);
}

TEST(TagTable, RemembersATagPastItsUse) {
  TagTable tags(1);
  const std::uint32_t answered = tags.issue().tag;
  const std::uint32_t superseded = tags.issue().tag;
  tags.retire(*tags.find(answered), State::answered);
  tags.retire(*tags.find(superseded), State::superseded);
  for (int i = 0; i < 4000; ++i) tags.retire(tags.issue(), State::answered);
  EXPECT_EQ(tags.find(answered)->state, State::answered);
  EXPECT_EQ(tags.find(superseded)->state, State::superseded);
}

TEST(TagTable, AnOutstandingTagKeepsItsPlaceHoweverManyComeAfterIt) {
  TagTable tags(1);
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
  TagTable tags(1);
  std::set<std::uint32_t> all;
  const std::uint32_t late = tags.issue().tag;
  tags.retire(*tags.find(late), State::superseded);
  for (int i = 0; i < 50'000; ++i) EXPECT_TRUE(all.insert(tags.issue().tag).second);
  for (const std::uint32_t tag : all) ASSERT_NE(tags.find(tag), nullptr);
  ASSERT_NE(tags.find(late), nullptr);
  EXPECT_EQ(tags.find(late)->state, State::superseded);
}

TEST(TagTable, CountingWrapsWithBit31Kept) {
  TagTable tags(1'269'698);  // begins shortly before the last tag
  std::uint32_t last = tags.issue().tag;
  ASSERT_EQ(last, 0xffff'fe3e);
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t tag = tags.issue().tag;
    EXPECT_EQ(tag, last == 0xffff'ffff ? 0x8000'0000 : last + 1);
    last = tag;
  }
}

}  // namespace
}  // namespace aoe::initiator
