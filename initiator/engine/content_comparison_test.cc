// Where the serial number is no proof: what is on the disks tells them apart.
#include "initiator/engine/content_comparison.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class ContentComparisonTest : public DisksByMac {};

TEST_F(ContentComparisonTest, WithoutAProofTheContentIsComparedAndIsTheSame) {
  up("7.3:storage");
  disks[target_mac].content[2] = 7;
  second(with_serial("7.3:storage"));
  disks[second_mac].content[2] = 7;
  answer_all();
  EXPECT_EQ(standings(), "1 member, 2 member");
}

TEST_F(ContentComparisonTest, WithoutAProofADifferenceThatLastsIsAnotherDisk) {
  up("7.3:storage");
  open();
  disks[target_mac].content[2] = 7;
  second(with_serial("7.3:storage"));
  answer_all();
  EXPECT_EQ(standings(), "1 member, 2 candidate");
  pass(1s);
  EXPECT_EQ(standings(), "1 member, 2 foreign");
  EXPECT_EQ(world.events(),
            "e7.3 answers from 02:00:00:00:00:02: buffers 16, sectors 2, e7.3 is another disk at "
            "02:00:00:00:00:02: its content differs at sector 2; it is not used");
}

TEST_F(ContentComparisonTest, TheContentIsComparedThoughTheOtherPathIsBeingAsked) {
  up("7.3:storage");
  disks[target_mac].content[2] = 7;
  disks[second_mac].identity = with_serial("7.3:storage");
  world.config();
  const auto asked = world.take();
  world.config(World::default_offer, second_mac);
  answer_all();  // that of the second
  for (const Sent& command : asked) answer(command);
  pass(1s);
  EXPECT_EQ(standings(), "1 member, 2 foreign");
}

TEST_F(ContentComparisonTest, ConfigAnswersDoNotHoldTheComparisonUp) {
  up("7.3:storage");
  disks[target_mac].content[2] = 7;
  second(with_serial("7.3:storage"));
  for (int i = 0; i < 100; ++i) {
    pass(10ms);
    world.config();
    world.config(World::default_offer, second_mac);
  }
  EXPECT_EQ(standings(), "1 member, 2 foreign");
}

class TwoBlankDisks : public ContentComparisonTest, public ::testing::WithParamInterface<bool> {};

TEST_P(TwoBlankDisks, AreNoProofAndTheFirstWriteTellsThem) {
  const bool same = GetParam();
  up("7.3:storage");
  open();
  second(with_serial("7.3:storage"));
  pass(1s);
  ASSERT_EQ(standings(), "1 member, 2 unproven");
  world.write(777, 1);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "WRITE EXT 777+1");
  if (same) disks[second_mac].content[777] = 0xee;
  answer(commands[0]);
  pass(1s);
  EXPECT_EQ(standings(), same ? "1 member, 2 member" : "1 member, 2 foreign");
  EXPECT_EQ(writes_to[second_mac], 0);
}
INSTANTIATE_TEST_SUITE_P(SameOrNot, TwoBlankDisks, ::testing::Bool());

}  // namespace
}  // namespace aoe::initiator
