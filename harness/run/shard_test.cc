#include "harness/run/shard.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(Shard, IsReadFromItsText) {
  EXPECT_EQ(parse_shard("3/8"), (Shard{3, 8}));
  EXPECT_EQ(parse_shard("1/1"), Shard{});
  for (const char* text : {"", "3", "3/", "/8", "0/8", "9/8", "3/8/9", "-1/8", "0x1/8", "1/10001"})
    EXPECT_EQ(
        parse_shard(text).error(),
        std::string("expected PART/PARTS, such as 3/8 (at most 10000 parts), got '") + text + "'");
}

TEST(Shard, PartsAreAllOfItAndNothingTwice) {
  const std::vector<int> items{1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ((Shard{1, 3}.take(items)), (std::vector{1, 4, 7}));
  EXPECT_EQ((Shard{2, 3}.take(items)), (std::vector{2, 5}));
  EXPECT_EQ((Shard{3, 3}.take(items)), (std::vector{3, 6}));
  EXPECT_EQ((Shard{8, 8}.take(items)), std::vector<int>{});
  EXPECT_EQ(Shard{}.take(items), items);
}

TEST(Shard, SeedsOfAPartFollowEachOther) {
  std::uint64_t next = 100;
  for (std::uint64_t part = 1; part <= 4; ++part) {
    std::uint64_t first = 100;
    std::uint64_t count = 10;
    Shard{part, 4}.cut(first, count);
    EXPECT_EQ(first, next);
    EXPECT_EQ(count, part <= 2 ? 3 : 2);
    next += count;
  }
  EXPECT_EQ(next, 110);
}

}  // namespace
}  // namespace aoe::harness
