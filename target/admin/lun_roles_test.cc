#include "target/admin/lun_roles.h"

#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace aoe::target {
namespace {

LunDefinition lun_with_role(std::uint8_t slot, bool standby, const std::string& path = "disk.img") {
  LunDefinition lun;
  lun.address = {0, slot};
  lun.store.path = path;
  lun.standby = standby;
  return lun;
}

/// The LUNs with their roles: "e0.1 active, e0.2 standby".
std::string text(const LunRoles& roles) {
  std::vector<std::string> words;
  for (const LunDefinition& lun : roles.active()) {
    words.push_back(fmt::format("{} active", lun.address));
  }
  for (const LunDefinition& lun : roles.standby()) {
    words.push_back(fmt::format("{} standby", lun.address));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

TEST(LunRoles, BeginAsTheDefinitionsSay) {
  LunRoles roles;
  EXPECT_EQ(text(roles), "");
  roles.follow({lun_with_role(2, true), lun_with_role(1, false)});
  EXPECT_EQ(text(roles), "e0.1 active, e0.2 standby");
  EXPECT_TRUE(roles.stands_by({0, 2}));
  EXPECT_FALSE(roles.stands_by({0, 1}));
  EXPECT_FALSE(roles.stands_by({0, 3}));
  EXPECT_EQ(roles.find({0, 3}), nullptr);
  EXPECT_EQ(roles.find({0, 2})->address, (Address{0, 2}));
}

TEST(LunRoles, AreKeptWhileTheDefinitionSaysNoOther) {
  LunRoles roles;
  roles.follow({lun_with_role(1, false), lun_with_role(2, true)});
  roles.demote({0, 1});
  roles.promote({0, 2});
  EXPECT_EQ(text(roles), "e0.2 active, e0.1 standby");
  roles.follow({lun_with_role(1, false, "other.img"), lun_with_role(2, true)});
  EXPECT_EQ(text(roles), "e0.2 active, e0.1 standby");
  EXPECT_EQ(roles.find({0, 1})->store.path, "other.img");
}

TEST(LunRoles, FollowADefinitionThatSaysAnother) {
  LunRoles roles;
  roles.follow({lun_with_role(1, false), lun_with_role(2, true)});
  roles.follow({lun_with_role(1, true), lun_with_role(2, false)});
  EXPECT_EQ(text(roles), "e0.2 active, e0.1 standby");
  roles.promote({0, 1});
  roles.follow({lun_with_role(1, false), lun_with_role(2, false)});
  EXPECT_EQ(text(roles), "e0.1 active, e0.2 active");
}

TEST(LunRoles, SayWhatHasBecomeOfLunsThatAreNotServed) {
  LunRoles before;
  before.follow({lun_with_role(1, true), lun_with_role(2, true), lun_with_role(3, true),
                 lun_with_role(4, false), lun_with_role(5, true), lun_with_role(6, false)});
  LunRoles now = before;
  EXPECT_TRUE(now.changes_since(before).empty());
  now.follow({lun_with_role(2, true, "other.img"), lun_with_role(3, true), lun_with_role(5, false),
              lun_with_role(6, true), lun_with_role(7, true), lun_with_role(8, false)});
  EXPECT_EQ(fmt::format("{}", fmt::join(now.changes_since(before), "; ")),
            "e0.1: removed; e0.2: changed, stands by; e0.7: added, stands by");
}

TEST(LunRoles, AreForgottenWithTheirLun) {
  LunRoles roles;
  roles.follow({lun_with_role(2, true)});
  roles.promote({0, 2});
  roles.follow({});
  EXPECT_EQ(text(roles), "");
  roles.follow({lun_with_role(2, true)});
  EXPECT_EQ(text(roles), "e0.2 standby");
}

}  // namespace
}  // namespace aoe::target
