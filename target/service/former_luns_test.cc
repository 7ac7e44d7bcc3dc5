#include "target/service/former_luns.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

std::vector<ImageUse> written(std::string identity) {
  return {{.lun = {}, .path = {}, .identity = std::move(identity), .range = {}, .writes = true}};
}
std::vector<ImageUse> read(std::string identity) {
  return {{.lun = {}, .path = {}, .identity = std::move(identity), .range = {}}};
}

TEST(FormerLuns, AreFoundByTheirImagesUntilTheyAreOver) {
  FormerLuns former;
  auto one = former.enter(written("one"));
  const auto other = former.enter(written("other"));
  const auto found = former.that_use(written("one"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().lock(), one);
  one.reset();
  EXPECT_TRUE(found.front().expired());
  EXPECT_TRUE(former.that_use(written("one")).empty());
  EXPECT_EQ(former.that_use(written("other")).size(), 1U);
}

TEST(FormerLuns, ReadersOfOneImageDoNotWaitForEachOther) {
  FormerLuns former;
  const auto token = former.enter(read("one"));
  EXPECT_TRUE(former.that_use(read("one")).empty());
  EXPECT_EQ(former.that_use(written("one")).size(), 1U);
}

TEST(FormerLuns, AllThatUseAnImageAreWaitedFor) {
  FormerLuns former;
  const auto first = former.enter(written("one"));
  const auto second = former.enter(written("one"));
  EXPECT_EQ(former.that_use(written("one")).size(), 2U);
}

// A former LUN that never ends stays known however many come and go.
TEST(FormerLuns, OneThatIsStuckIsNotForgotten) {
  FormerLuns former;
  const auto stuck = former.enter(written("stuck"));
  for (int i = 0; i < 1000; ++i) former.enter(written("quick"));
  EXPECT_EQ(former.that_use(written("stuck")).size(), 1U);
  EXPECT_TRUE(former.that_use(written("quick")).empty());
}

}  // namespace
}  // namespace aoe::target
