// Where a flush has to go: to each remote target that may hold what was written.
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class DeviceFlush : public DisksByMac {};

TEST_F(DeviceFlush, AFlushGoesToEachMacThatWasWrittenToSinceTheLast) {
  up();
  second(World::large_disk);
  answer_all();
  world.flush();
  answer_all();
  EXPECT_EQ(flushes_to[target_mac] + flushes_to[second_mac], 1);
  flushes_to.clear();
  for (int i = 0; i < 4; ++i) world.write(0, 1), answer_all();
  ASSERT_GT(writes_to[target_mac], 0);
  ASSERT_GT(writes_to[second_mac], 0);
  world.completions();
  const auto id = world.flush();
  const auto flushes = world.take();
  ASSERT_EQ(text(flushes), "FLUSH CACHE EXT 0+0, FLUSH CACHE EXT 0+0");
  EXPECT_NE(flushes[0].header.destination, flushes[1].header.destination);
  answer(flushes[0]);
  EXPECT_EQ(world.completions(), "");
  answer(flushes[1]);
  EXPECT_EQ(world.completions(), fmt::format("{} ok", id));
  world.flush();
  answer_all();
  EXPECT_EQ(flushes_to[target_mac] + flushes_to[second_mac], 3);
}

TEST_F(DeviceFlush, AFlushForATargetThatCameUpAgainWaitsUntilItHasSaidWhoItIs) {
  up();
  open();
  world.write(0, 1);
  answer_all();
  second(World::large_disk);
  pass(2s);
  ASSERT_EQ(standings(), "1 member, 2 member");
  world.completions();
  world.announce();
  const std::vector<Sent> question = world.take();
  world.flush();
  world.read(5, 1);  // which passes it
  answer_all();
  EXPECT_EQ(flushes_to[target_mac], 0);
  EXPECT_EQ(world.completions(), "3 ok");
  for (const Sent& command : question) answer(command);
  answer_all();
  EXPECT_EQ(flushes_to[target_mac], 1);
  EXPECT_EQ(world.completions(), "2 ok");
}

TEST_F(DeviceFlush, ATargetThatWasForgottenAndFoundAgainIsFlushedToo) {
  disks[target_mac].identity = disks[second_mac].identity = with_serial("S1");
  world.add_ports(2);
  world.config(World::default_offer, target_mac, 0);
  answer_all();
  open();
  world.write(0, 1);
  answer_all();
  world.config(World::default_offer, second_mac, 1);
  pass(2s);
  world.change_port(0, {.mac = port_mac, .mtu = 1500, .up = false});
  world.change_port(0, {.mac = port_mac, .mtu = 1500, .up = true});
  world.config(World::default_offer, target_mac, 0);
  pass(2s);
  ASSERT_EQ(standings(), "2 member, 1 member");
  world.flush();
  answer_all();
  EXPECT_EQ(flushes_to[target_mac], 1);
}

TEST_F(DeviceFlush, AFlushToAMacThatFellSilentIsDoneByAnother) {
  up();
  second(World::large_disk);
  answer_all();
  for (int i = 0; i < 4; ++i) world.write(0, 1), answer_all();
  world.completions();
  disks.erase(second_mac);
  const auto id = world.flush();
  pass(20s);
  EXPECT_EQ(world.completions(), fmt::format("{} ok", id));
}

TEST_F(DeviceFlush, AFlushForASuspendedMacThatFellSilentIsDoneByAnother) {
  up();
  open();
  second(World::large_disk);
  answer_all();
  for (int i = 0; i < 4; ++i) world.write(0, 1), answer_all();
  ASSERT_TRUE(remote(second_mac).is_dirty());
  world.completions();
  disks.erase(second_mac);
  world.announce(second_mac);
  const auto id = world.flush();
  pass(20s);
  EXPECT_EQ(world.completions(), fmt::format("{} ok", id));
}

TEST_F(DeviceFlush, AWriteThatASuspendedTargetAnswersLateIsCoveredByTheNext) {
  up();
  open();
  second(World::large_disk);
  answer_all();
  std::optional<Sent> late;
  for (std::uint64_t lba = 0; lba < 6 && !late; ++lba) {
    world.write(lba, 1);
    for (const Sent& command : world.take()) {
      if (command.header.destination == second_mac) {
        late = command;
      } else {
        answer(command);
      }
    }
  }
  ASSERT_TRUE(late);
  disks.erase(second_mac);
  pass(10s);  // the other has taken it
  second(World::large_disk);
  answer_all();
  world.completions();
  world.flush();
  answer_all();
  ASSERT_NE(world.completions(), "");
  ASSERT_FALSE(remote().is_dirty());
  ASSERT_FALSE(remote(second_mac).is_dirty());
  world.announce(second_mac);
  const auto question = world.take();
  ASSERT_EQ(text(question), "IDENTIFY 0+1");
  answer(*late);
  world.flush();
  EXPECT_EQ(world.taken(), "");  // it waits
  answer(question[0]);
  flushes_to.clear();
  answer_all();
  EXPECT_EQ(flushes_to[second_mac], 1);
}

}  // namespace
}  // namespace aoe::initiator
