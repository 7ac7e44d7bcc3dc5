#include "initiator/mount/ownership.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

TEST(Ownership, UsersAndGroupsHaveNamesOrNumbers) {
  EXPECT_EQ(parse_user("root"), 0U);
  EXPECT_EQ(parse_user("4242"), 4242U);
  EXPECT_EQ(parse_group("root"), 0U);
  EXPECT_EQ(parse_group("4243"), 4243U);
  for (const char* text : {"", "no such user", "-1", "4294967295", "0x0", "1 "}) {
    EXPECT_EQ(parse_user(text), std::nullopt) << text;
    EXPECT_EQ(parse_group(text), std::nullopt) << text;
  }
}

TEST(Ownership, AModeIsOctal) {
  EXPECT_EQ(parse_mode("0640"), 0640U);
  EXPECT_EQ(parse_mode("444"), 0444U);
  for (const char* text : {"", "8", "1777", "rw", "-1", "0640 "}) {
    EXPECT_EQ(parse_mode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace aoe::initiator
