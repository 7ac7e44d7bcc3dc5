#include "initiator/mount/byte_limit.h"

#include <string>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

class ByteLimitTest : public testing::Test {
 protected:
  ByteLimit limit{100};
  std::string started;

  void enter(std::uint64_t bytes, char name) {
    limit.enter(bytes, [this, name] { started += name; });
  }
};

TEST_F(ByteLimitTest, WhatIsBeyondWaitsForItsTurn) {
  enter(60, 'a');
  enter(40, 'b');
  enter(30, 'c');
  EXPECT_EQ(started, "ab");
  limit.leave(40);
  EXPECT_EQ(started, "abc");
}

TEST_F(ByteLimitTest, NothingOvertakesWhatWaits) {
  enter(60, 'a');
  enter(60, 'b');
  enter(1, 'c');
  EXPECT_EQ(started, "a");
  limit.leave(60);
  EXPECT_EQ(started, "abc");
}

TEST_F(ByteLimitTest, WhatIsLargerThanTheLimitGoesAlone) {
  enter(1, 'a');
  enter(500, 'b');
  EXPECT_EQ(started, "a");
  limit.leave(1);
  EXPECT_EQ(started, "ab");
  enter(1, 'c');
  EXPECT_EQ(started, "ab");
  limit.leave(500);
  EXPECT_EQ(started, "abc");
}

}  // namespace
}  // namespace aoe::initiator
