// What the questions to remote targets cost I/O, and other targets.
#include "initiator/engine/questions.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class QuestionsTest : public DisksByMac {};

TEST_F(QuestionsTest, OneThatIsLostOnASilentPortCollapsesNoWindow) {
  up("S1", 2);
  const unsigned window = remote().window.size();
  ASSERT_GT(window, 2U);
  world.config(World::default_offer, target_mac, 1);
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");  // it is lost
  world.advance(1ms);
  world.config(World::default_offer, target_mac, 0);
  answer_all();
  const auto retransmissions = world.device().counters().retransmissions;
  world.until_sent();
  EXPECT_GT(world.device().counters().retransmissions, retransmissions);
  EXPECT_GE(remote().window.size(), window - 1);
}

TEST_F(QuestionsTest, TakeNoRoomOfTheWindow) {
  world.add_ports(2);
  disks[target_mac].identity = World::large_disk;
  world.config(offer(3, 2), target_mac, 0);
  answer_all();
  world.config(offer(3, 2), target_mac, 1);
  answer_all();
  ASSERT_EQ(remote().window.size(), 2U);
  world.config(offer(3, 2), target_mac, 1);
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");
  for (int i = 0; i < 3; ++i) world.read(0, 1);
  EXPECT_EQ(world.taken(), "READ EXT 0+1, READ EXT 0+1");  // the third has no buffer
}

// Without traffic only questions tell whether a member is there.
TEST_F(QuestionsTest, AMemberThatDiesBesideAnIdleOneDoesNotTakeTheDeviceDown) {
  up();
  second(World::large_disk);
  answer_all();
  ASSERT_EQ(standings(), "1 member, 2 member");
  disks.erase(second_mac);
  world.config(World::default_offer, second_mac);  // the last that it says
  pass(2min);
  EXPECT_EQ(world.seen(), "up");
  commands_to.clear();
  world.read(0, 1);
  answer_all();
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(commands_to[second_mac], 0);
}

TEST_F(QuestionsTest, ToMembersDoNotWaitForThoseThatAForgerCauses) {
  up();
  open();
  for (unsigned i = 0; i < 50'000; ++i) {
    const Address lun{static_cast<std::uint16_t>(100 + i / 254),
                      static_cast<std::uint8_t>(i % 254)};
    world.hear(frame_of({port_mac, second_mac, lun, World::asked_by_another}, offer(16, 2)));
  }
  const auto asked = [this] {
    const auto commands = world.take();
    const auto found = std::ranges::find(
        commands, disk, [](const Sent& command) { return command.header.address; });
    return found == commands.end() ? "" : text({*found});
  };
  EXPECT_EQ(asked(), "");
  world.announce();
  EXPECT_EQ(asked(), "IDENTIFY 0+1");
}

}  // namespace
}  // namespace aoe::initiator
