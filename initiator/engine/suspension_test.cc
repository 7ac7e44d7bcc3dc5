// A target that came up again may be another disk: no command goes to it until it has said which it is.
#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class Suspension : public DisksByMac {
 protected:
  void lose_port(PortId port) {
    world.change_port(port, {.mac = port_mac, .mtu = 1500, .up = false});
  }
};

TEST_F(Suspension, ATargetThatComesUpWithAnotherDiskGetsNothing) {
  up();
  open();
  world.read(0, 2);
  const auto before = world.take();  // to the old one, which has gone
  disks[target_mac].identity = with_serial("S2");
  commands_to.clear();
  world.announce();
  world.write(0, 1);
  auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");  // the write waits for the answer
  world.write(2, 1);
  answer(commands[0]);
  EXPECT_EQ(standings(), "1 foreign");
  pass(40s);
  EXPECT_EQ(writes_to[target_mac], 0);
  EXPECT_EQ(world.seen(), "down,closewait");
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down, 3 device is down");
  EXPECT_EQ(world.device().identity()->serial.view(), "S1");
}

TEST_F(Suspension, AForgedAnnouncementHoldsNothingForLong) {
  up();
  open();
  for (int i = 0; i < 785; ++i) {
    world.announce();
    world.read(0, 1);
    world.advance(10ms);
    answer_all();
  }
  EXPECT_LE(commands_to[target_mac], 785 + 15);
  EXPECT_EQ(world.device().request_counters().reads, 785U);
}

TEST_F(Suspension, AnAnnouncementIsHeardWhileSomethingElseIsAsked) {
  up();
  open();
  forge({.buffer_count = 99, .sector_count = 2}, target_mac);
  disks[target_mac].identity = with_serial("S2");
  world.take();
  world.announce();
  world.write(5, 1);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST_F(Suspension, FewerBuffersThatAreAnnouncedAreKeptToBeforeTheyAreConfirmed) {
  up();
  open();
  world.announce({.buffer_count = 1, .sector_count = 2});
  const auto identify = world.take();
  ASSERT_EQ(text(identify), "IDENTIFY 0+1");
  for (std::uint64_t lba = 0; lba < 6; ++lba) world.read(lba, 1);
  EXPECT_EQ(world.taken(), "");
  answer(identify[0]);
  EXPECT_EQ(world.taken(), "READ EXT 0+1");
}

// It is the same disk: what was sent to it meanwhile has timeouts of seconds by now.

TEST_F(Suspension, ATargetThatStartsAgainIsSentAtOnceWhatItMissed) {
  up();
  open();
  silent_port = 0;
  for (std::uint64_t lba = 0; lba < 10; ++lba) world.read(lba, 1);
  pass(5s);
  silent_port.reset();
  EXPECT_EQ(world.completions(), "");
  world.announce();
  answer_all();
  pass(1ms);
  EXPECT_EQ(world.device().request_counters().reads, 10U);
}

// One whose disk is slow answers IDENTIFY all the same.
TEST_F(Suspension, WhatATargetIsAskedWithoutAnAnnouncementBringsNothingForward) {
  up();
  open();
  for (std::uint64_t lba = 0; lba < 10; ++lba) world.read(lba, 1);
  int reads = 0;
  for (int i = 0; i < 100; ++i) {
    world.advance(100ms);
    world.revalidate();
    for (const Sent& command : world.take()) {
      if (text({command}) == "IDENTIFY 0+1") {
        answer(command);
      } else {
        ++reads;
      }
    }
  }
  EXPECT_LE(reads, 10 * 7) << "timeouts double";
}

TEST_F(Suspension, AnAnnouncementBringsNothingForwardThatWasJustSent) {
  up();
  open();
  world.read(0, 1);
  ASSERT_EQ(world.taken(), "READ EXT 0+1");
  world.announce();
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");
  answer(commands[0]);
  world.advance(1ms);
  EXPECT_EQ(world.taken(), "");
}

// It does not answer.

TEST_F(Suspension, LastsForAsLongAsTheTargetIsSilent) {
  up();
  second(World::large_disk);
  answer_all();
  open();
  ASSERT_EQ(standings(), "1 member, 2 member");
  disks.erase(second_mac);
  world.announce(second_mac);
  for (int i = 0; i < 20; ++i) {
    world.write(static_cast<std::uint64_t>(i), 1);
    pass(1s);
  }
  writes_to.clear();
  disks[second_mac].identity = with_serial("S2");
  disks.erase(target_mac);
  world.write(0, 1);
  pass(20s);
  EXPECT_GT(writes_to[target_mac], 0);
  EXPECT_EQ(writes_to[second_mac], 0);
  EXPECT_EQ(standings(), "1 member, 2 foreign");
}

TEST_F(Suspension, IsLiftedByAnyPathThatWasAskedSinceThen) {
  up("S1", 2);
  open();
  silent_port = 0;
  world.announce(target_mac, 0);
  world.write(0, 1);
  pass(1s);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST_F(Suspension, IsNotLiftedByAnAnswerToWhatWasAskedBefore) {
  up("S1", 2);
  open();
  world.revalidate();
  const auto before = world.take();
  ASSERT_EQ(text(before), "IDENTIFY 0+1");
  const PortId other = before[0].port == 0 ? 1 : 0;
  world.advance(1ms);
  world.announce(target_mac, other);
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");
  answer(before[0]);
  world.write(0, 1);
  EXPECT_EQ(world.taken(), "");
}

// Its port is lost before it has answered.

TEST_F(Suspension, IsLiftedByAnotherPort) {
  up("S1", 2);
  open();
  world.announce(target_mac, 0);
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");
  world.write(0, 1);
  lose_port(0);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");
  EXPECT_EQ(commands[0].port, 1);
  answer(commands[0]);
  answer_all();
  EXPECT_EQ(writes_to[target_mac], 1);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST_F(Suspension, IsLiftedByAnotherPortThatWasAskedSomethingElse) {
  up("S1", 2);
  open();
  world.is_honest = false;  // what it is asked for its limits is lost
  world.config(offer(8, 2), target_mac, 1);
  world.announce(target_mac, 0);
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");
  world.write(0, 1);
  lose_port(0);
  EXPECT_EQ(text(world.take()), "IDENTIFY 0+1");
  world.is_honest = true;
  pass(1s);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST_F(Suspension, OfAnotherDiskIsNotLiftedByAnotherPort) {
  up("S1", 2);
  open();
  disks[target_mac].identity = with_serial("S2");
  world.announce(target_mac, 0);
  world.take();
  world.write(0, 1);
  lose_port(0);
  pass(5s);
  EXPECT_EQ(writes_to[target_mac], 0);
  EXPECT_EQ(standings(), "1 foreign");
}

TEST_F(Suspension, EndsWhenItsOnlyPortIsBackAndItHasSaidWhoItIs) {
  up();
  open();
  world.announce();
  ASSERT_EQ(world.taken(), "IDENTIFY 0+1");
  world.write(0, 1);
  lose_port(0);
  world.change_port(0, {.mac = port_mac, .mtu = 1500, .up = true});
  world.config();
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");
  answer(commands[0]);
  EXPECT_EQ(world.taken(), "WRITE EXT 0+1");
}

}  // namespace
}  // namespace aoe::initiator
