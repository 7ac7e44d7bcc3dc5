#include "target/admin/missing_luns.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using std::chrono::seconds;

LunDefinition lun(std::uint8_t slot, const std::string& path) {
  LunDefinition definition;
  definition.address = {0, slot};
  definition.store.path = path;
  return definition;
}

Instant at(int second) {
  return Instant(seconds(second));
}

TEST(MissingLuns, AreTriedAgainLessAndLessOften) {
  MissingLuns missing;
  EXPECT_EQ(missing.deadline(), never);
  int now = 100;
  for (const int interval : {1, 2, 4, 8, 10, 10}) {
    missing.note(lun(2, "disk.img"), "disk.img: not there", at(now));
    EXPECT_EQ(missing.deadline(), at(now + interval));
    EXPECT_TRUE(missing.due(at(now + interval - 1)).empty());
    now += interval;
    ASSERT_EQ(missing.due(at(now)).size(), 1U);
    EXPECT_EQ(missing.due(at(now))[0].address, (Address{0, 2}));
  }
}

TEST(MissingLuns, AreNewsWhenTheyAreNewAndWhenTheReasonIs) {
  MissingLuns missing;
  EXPECT_TRUE(missing.note(lun(2, "disk.img"), "not there", at(0)));
  EXPECT_FALSE(missing.note(lun(2, "disk.img"), "not there", at(1)));
  EXPECT_TRUE(missing.note(lun(2, "disk.img"), "smaller than one sector", at(2)));
  EXPECT_TRUE(missing.note(lun(3, "disk.img"), "not there", at(3)));
  missing.forget({0, 2});
  EXPECT_TRUE(missing.note(lun(2, "disk.img"), "not there", at(4)));
}

TEST(MissingLuns, FollowTheConfiguration) {
  MissingLuns missing;
  missing.note(lun(2, "a.img"), "not there", at(0));
  missing.note(lun(3, "b.img"), "not there", at(0));
  EXPECT_TRUE(missing.contains(lun(2, "a.img")));
  EXPECT_FALSE(missing.contains(lun(2, "c.img")));
  EXPECT_FALSE(missing.contains(lun(4, "a.img")));
  missing.follow({lun(3, "c.img"), lun(4, "d.img")});
  EXPECT_EQ(missing.all().size(), 1U);
  EXPECT_TRUE(missing.contains(lun(3, "c.img")));
}

}  // namespace
}  // namespace aoe::target
