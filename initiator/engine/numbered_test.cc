#include "initiator/engine/numbered.h"

#include <string>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

TEST(Numbered, FindsWhatIsThere) {
  Numbered<std::string> table;
  const auto one = table.add("one");
  const auto two = table.add("two");
  EXPECT_EQ(*table.find(one), "one");
  EXPECT_EQ(table.take(two), "two");
  EXPECT_EQ(table.find(two), nullptr);
  EXPECT_EQ(*table.find(one), "one");
  EXPECT_EQ(table.find(12345), nullptr);
}

TEST(Numbered, UsesAPlaceAgainUnderAnotherNumber) {
  Numbered<int> table;
  const auto old = table.add(1);
  table.take(old);
  const auto next = table.add(2);
  EXPECT_NE(next, old);
  EXPECT_EQ(table.find(old), nullptr);
  EXPECT_EQ(*table.find(next), 2);
  EXPECT_LT(next, std::uint64_t{1} << Numbered<int>::number_bits);
}

TEST(Numbered, TakesAll) {
  Numbered<int> table;
  table.add(1);
  table.take(table.add(2));
  table.add(3);
  int sum = 0;
  table.take_all([&](std::uint64_t number, int thing) {
    EXPECT_EQ(table.find(number), nullptr);
    sum += thing;
  });
  EXPECT_EQ(sum, 4);
}

}  // namespace
}  // namespace aoe::initiator
