#include "harness/run/minimise.h"

#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

using Numbers = std::vector<int>;

Numbers all(int count) {
  Numbers numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// What is left of so many where these are needed; and how often it asked.
Numbers left_of(int count, const std::set<int>& needed, int* asked = nullptr) {
  return minimise<int>(all(count), [&](const Numbers& numbers) {
    if (asked != nullptr) ++*asked;
    const std::set<int> there(numbers.begin(), numbers.end());
    return std::includes(there.begin(), there.end(), needed.begin(), needed.end());
  });
}

TEST(Minimise, LeavesExactlyWhatIsNeededInItsOrder) {
  EXPECT_EQ(left_of(1, {0}), Numbers{0});
  EXPECT_EQ(left_of(100, {42}), Numbers{42});
  EXPECT_EQ(left_of(100, {0, 99}), (Numbers{0, 99}));
  EXPECT_EQ(left_of(97, {3, 50, 51, 96}), (Numbers{3, 50, 51, 96}));
  EXPECT_EQ(left_of(10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), all(10));
}

TEST(Minimise, LeavesNothingWhereNothingIsNeeded) {
  EXPECT_EQ(left_of(100, {}), Numbers{});
  EXPECT_EQ(left_of(0, {}), Numbers{});
}

TEST(Minimise, AsksSeldomWhereLittleIsNeeded) {
  int asked = 0;
  EXPECT_EQ(left_of(1024, {700}, &asked), Numbers{700});
  EXPECT_LT(asked, 60);
}

TEST(Minimise, EndsWithWhatCannotBeLeftOutOneByOneEvenWhereOthersWouldDo) {
  // Any three of them do.
  const auto three =
      minimise<int>(all(50), [](const Numbers& numbers) { return numbers.size() >= 3; });
  EXPECT_EQ(three.size(), 3U);
}

}  // namespace
}  // namespace aoe::harness
