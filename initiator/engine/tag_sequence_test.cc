#include "initiator/engine/tag_sequence.h"

#include <algorithm>
#include <bit>
#include <vector>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

constexpr std::uint32_t prefix = 0x8000'0000;

TEST(TagSequence, IsAPermutation) {
  const TagSequence sequence(prefix, 7);
  std::vector<std::uint32_t> tags;
  for (std::uint32_t number = 0; number < 1'000'000; ++number) {
    tags.push_back(sequence.tag(number));
    ASSERT_TRUE(sequence.is_ours(tags.back()));
    ASSERT_TRUE(sequence.pattern().matches(tags.back()));
    ASSERT_EQ(sequence.number(tags.back()), number);
  }
  std::ranges::sort(tags);
  EXPECT_EQ(std::ranges::adjacent_find(tags), tags.end());
}

TEST(TagSequence, WrapsAtItsEnd) {
  const TagSequence sequence(prefix, 7);
  EXPECT_EQ(sequence.number(sequence.tag(TagSequence::count - 1)), TagSequence::count - 1);
  EXPECT_EQ(sequence.tag(TagSequence::count), sequence.tag(0));
}

TEST(TagSequence, OtherBitsThanItsPrefixAreNotOurs) {
  const TagSequence sequence(prefix, 7);
  EXPECT_FALSE(sequence.is_ours(sequence.tag(0) ^ 0x4000'0000));
  EXPECT_FALSE(sequence.is_ours(sequence.tag(0) ^ 0x8000'0000));
}

TEST(TagSequence, MostSequencesHaveAPatternOfTheirOwn) {
  const TagPattern mine = TagSequence(prefix, 0).pattern();
  EXPECT_EQ(mine.mask & prefix, prefix);
  EXPECT_EQ(mine.value & prefix, prefix);
  constexpr unsigned others = 6400;
  unsigned alike = 0;
  for (std::uint64_t key = 1; key <= others; ++key) {
    const TagSequence other(prefix, key);
    alike += mine.matches(other.tag(0));
    EXPECT_EQ(mine.matches(other.tag(0)), mine.matches(other.tag(12345)));
  }
  EXPECT_NEAR(alike, others / 64, 40);
}

// Who knows one tag finds no other near it: over a thousand keys, each bit of the difference
// between a tag and the next is set as often as not, and no difference comes often.
TEST(TagSequence, ATagTellsNothingOfTheNext) {
  std::array<unsigned, TagSequence::bits> set{};
  std::vector<std::uint32_t> steps;
  constexpr unsigned keys = 1000;
  constexpr unsigned each = 20;
  for (std::uint64_t key = 0; key < keys; ++key) {
    const TagSequence sequence(prefix, key);
    for (std::uint32_t number = 0; number < each; ++number) {
      const std::uint32_t a = sequence.tag(number);
      const std::uint32_t b = sequence.tag(number + 1);
      steps.push_back(b - a);
      for (unsigned bit = 0; bit < TagSequence::bits; ++bit) set[bit] += (a ^ b) >> bit & 1;
    }
  }
  for (const unsigned count : set) EXPECT_NEAR(count, keys * each / 2, 600);  // eight deviations
  std::ranges::sort(steps);
  const auto repeated = std::ranges::unique(steps);
  EXPECT_LT(repeated.size(), 25U);  // of 20,000 among 2^25, about six come twice by chance
}

}  // namespace
}  // namespace aoe::initiator
