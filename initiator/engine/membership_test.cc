// Which MAC addresses are the device: told with an engine, a disk, and others that claim its address.
#include "initiator/engine/membership.h"

#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class MembershipTest : public DisksByMac {};

// Who it is.

TEST_F(MembershipTest, AnotherMacIsUsedOnceItHasSaidThatItIsTheSameDisk) {
  up();
  open();
  second(World::large_disk);
  for (int i = 0; i < 4; ++i) world.read(0, 1);  // nothing waits for it
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1, READ EXT 0+1, READ EXT 0+1, READ EXT 0+1, READ EXT 0+1");
  EXPECT_EQ(commands[0].header.destination, second_mac);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(commands[i].header.destination, target_mac);
  for (const Sent& command : commands) answer(command);
  EXPECT_EQ(standings(), "1 member, 2 member");
  for (int i = 0; i < 4; ++i) world.read(0, 1);
  answer_all();
  EXPECT_GE(commands_to[second_mac], 2);
  EXPECT_EQ(world.events(), "e7.3 answers from 02:00:00:00:00:02: buffers 16, sectors 2");
}

class AnotherDisk : public MembershipTest, public ::testing::WithParamInterface<Identity> {};

TEST_P(AnotherDisk, IsNeverUsedAndIsReportedOnce) {
  const Identity& other = GetParam();
  up();
  open();
  second(other);
  pass(2s);
  EXPECT_EQ(standings(), "1 member, 2 foreign");
  const int asked = commands_to[second_mac];
  EXPECT_EQ(world.events(),
            fmt::format("e7.3 answers from 02:00:00:00:00:02: buffers 16, sectors 2, e7.3 is "
                        "another disk at 02:00:00:00:00:02: serial \"{}\", {} sectors; it is not "
                        "used",
                        other.serial.view(), other.sectors));
  for (std::uint64_t i = 0; i < 500; ++i) world.write(i, 2), world.read(i, 2), answer_all();
  EXPECT_EQ(commands_to[second_mac], asked);
  second(other);
  pass(2s);
  EXPECT_EQ(world.events(), "e7.3 answers from 02:00:00:00:00:02: buffers 16, sectors 2");
  EXPECT_EQ(writes_to[second_mac], 0);
}
INSTANTIATE_TEST_SUITE_P(OfAnother, AnotherDisk,
                         ::testing::Values(with_serial("S2"), with_serial("S1", 999)));

TEST_F(MembershipTest, TheDeviceIsTheFirstThatAnswersAndTheOtherIsAnotherDisk) {
  disks[target_mac].identity = with_serial("A");
  disks[second_mac].identity = with_serial("B");
  world.add_ports();
  world.config();
  world.config(World::default_offer, second_mac);
  answer_all();
  EXPECT_EQ(world.device().identity()->serial.view(), "A");
  EXPECT_EQ(standings(), "1 member, 2 foreign");
}

TEST_F(MembershipTest, ADiskThatIsTheSameAgainIsUsedAgain) {
  up();
  second(with_serial("S2"));
  pass(2s);
  ASSERT_EQ(standings(), "1 member, 2 foreign");
  second(World::large_disk);
  pass(2s);
  EXPECT_EQ(standings(), "1 member, 2 member");
}

TEST_F(MembershipTest, AMacThatWasUsedNeedsNoOtherProofAfterItsPortWasDown) {
  up("7.3:storage");
  open();
  world.change_port(0, {.mac = port_mac, .up = false});
  world.change_port(0, {.mac = port_mac, .up = true});
  world.read(0, 1);
  world.config();
  answer_all();
  EXPECT_EQ(standings(), "1 member");
  EXPECT_EQ(world.completions(), "1 ok");
}

// What is open does not become another disk.

TEST_F(MembershipTest, AnOpenDiskMayChangeItsSizeByItself) {
  up();
  second(World::large_disk);
  answer_all();
  open();
  world.events();
  for (auto& [mac, its] : disks) its.identity = with_serial("S1", 2000);
  EXPECT_TRUE(world.revalidate());
  answer_all();
  EXPECT_EQ(world.device().identity()->sectors, 2000U);
  EXPECT_EQ(standings(), "1 member, 2 member");
}

// Nobody has it open.

TEST_F(MembershipTest, ADiskThatIsReplacedIsReportedOnce) {
  up();
  disks[target_mac].identity = with_serial("S2", 2000);
  std::string said;
  for (int i = 0; i < 3; ++i) {
    world.config();
    world.events();
    answer_all();
    said += world.events();
  }
  EXPECT_EQ(world.device().identity()->serial.view(), "S2");
  EXPECT_EQ(said,
            "e7.3 is another disk than before, at 02:00:00:00:00:01: serial \"S2\", 2000 sectors");
  EXPECT_EQ(world.device().counters().replaced, 1U);
}

TEST_F(MembershipTest, ADiskThatIsReplacedWhileItIsDownIsReportedAsWell) {
  up();
  open();
  disks.erase(target_mac);
  world.read(0, 1);
  pass(40s);
  world.close();
  disks[second_mac].identity = with_serial("S2");
  world.config(World::default_offer, second_mac);
  world.events();
  answer_all();
  EXPECT_EQ(world.events(),
            "e7.3 is another disk than before, at 02:00:00:00:00:02: serial \"S2\", 1000 sectors, "
            "e7.3 is up: 1000 sectors");
  EXPECT_EQ(world.device().counters().replaced, 1U);
}

// down,closewait.

TEST_F(MembershipTest, RevalidateRevivesTheSameDiskThatIsHeldOpen) {
  up();
  open();
  disks.erase(target_mac);
  world.read(0, 1);
  pass(40s);
  ASSERT_EQ(world.seen(), "down,closewait");
  disks[target_mac].identity = World::large_disk;
  world.queries();
  world.config();
  EXPECT_EQ(world.taken(), "");  // as the driver: not by itself
  world.revalidate();
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  world.config();
  answer_all();
  EXPECT_EQ(world.seen(), "up");
  world.completions();
  world.read(0, 1);
  answer_all();
  EXPECT_EQ(world.completions(), "2 ok");
  world.close();
  EXPECT_EQ(world.seen(), "up");
}

TEST_F(MembershipTest, RevalidateDoesNotReviveAnotherDisk) {
  up();
  open();
  disks.erase(target_mac);
  world.read(0, 1);
  pass(40s);
  disks[target_mac].identity = with_serial("S2");
  world.events();
  world.revalidate();
  world.config();
  answer_all();
  pass(60s);
  EXPECT_EQ(world.seen(), "down,closewait");
  EXPECT_EQ(world.events(),
            "e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2, e7.3 is another disk at "
            "02:00:00:00:00:01: serial \"S2\", 1000 sectors; it is not used");
  world.close();
  EXPECT_EQ(world.seen(), "down");
}

TEST_F(MembershipTest, ACloseEndsWhatARevivalAskedAndADiscoveryBringsTheDeviceBack) {
  up();
  open();
  disks.erase(target_mac);
  world.read(0, 1);
  pass(40s);
  ASSERT_EQ(world.seen(), "down,closewait");
  disks[target_mac].identity = World::large_disk;
  world.revalidate();
  world.config();
  const auto asked = world.take();
  ASSERT_EQ(text(asked), "IDENTIFY 0+1");
  world.close();
  EXPECT_EQ(world.seen(), "down");
  EXPECT_TRUE(world.device().remotes().empty());
  answer(asked[0]);
  EXPECT_EQ(world.seen(), "down");
  world.config();
  EXPECT_EQ(text(world.take()), "IDENTIFY 0+1");
}

// A command that went to a target which then turned out to be another disk.

TEST_F(MembershipTest, WhatAnotherDiskAnswersLateCountsForNothing) {
  up();
  open();
  second(World::large_disk);
  pass(2s);
  ASSERT_EQ(standings(), "1 member, 2 member");
  std::optional<Sent> to_first;
  std::uint64_t read = 0;
  for (unsigned i = 0; i < 6 && !to_first; ++i) {
    read = world.read(100 + 10 * i, 1);
    for (const Sent& command : world.take()) {
      if (command.header.destination == target_mac) {
        to_first = command;
      } else {
        answer(command);
      }
    }
  }
  ASSERT_TRUE(to_first);
  world.completions();
  disks[target_mac].identity = with_serial("S2");
  disks[target_mac].content[to_first->lba] = 0x77;
  world.announce();
  std::vector<Sent> reads;
  for (int i = 0; i < 3; ++i) {
    for (const Sent& command : world.take()) {
      if (command.opcode == ata::Opcode::identify_device) {
        answer(command);
      } else {
        reads.push_back(command);
      }
    }
  }
  ASSERT_EQ(standings(), "1 foreign, 2 member");
  answer(*to_first);
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.buffer(read).back(), 0);
  for (const Sent& command : reads) answer(command);
  EXPECT_EQ(world.completions(), fmt::format("{} ok", read));
  EXPECT_EQ(world.buffer(read).back(), 0);
}

TEST_F(MembershipTest, WhatHasExpiredAtAnotherDiskIsNotAwaitedAgain) {
  up();
  open();
  world.read(10, 1);
  const std::uint64_t second_read = world.read(20, 1);
  const std::vector<Sent> commands = world.take();
  world.until_sent();
  disks[target_mac].identity = with_serial("S2");
  disks[target_mac].content[20] = 0x77;
  world.announce();
  for (const Sent& command : world.take()) {
    if (command.opcode == ata::Opcode::identify_device) answer(command);
  }
  ASSERT_EQ(standings(), "1 foreign");
  answer(commands.at(0));
  answer(commands.at(1));
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.buffer(second_read).back(), 0);
}

TEST_F(MembershipTest, ADiskThatAbortsWritesIsReadOnlyUntilItTakesOne) {
  up();
  const auto refuse = [this] {
    world.write(0, 1);
    world.answer(world.take().front(), AtaReply{.error = ata::error_abrt, .status = 0x41});
  };
  refuse();
  refuse();
  EXPECT_EQ(world.events(), "e7.3 refuses writes: it is read-only");
  EXPECT_TRUE(world.device().refuses_writes());
  world.write(0, 1);
  answer_all();
  EXPECT_FALSE(world.device().refuses_writes());
  refuse();
  disks[target_mac].identity = with_serial("S2");
  world.config();
  answer_all();
  EXPECT_FALSE(world.device().refuses_writes()) << "it was another disk that did";
}

// What anyone may say.

TEST_F(MembershipTest, AForgedConfigAnswerShrinksNothing) {
  up();
  open();
  world.read(0, 500);
  for (int i = 0; i < 785; ++i) {
    forge(offer(1, 1), target_mac);
    EXPECT_EQ(world.device().payload(), 1024U);
    EXPECT_EQ(world.device().remotes()[0].window.limit(), 16U);
    for (const Sent& command : world.take()) {
      EXPECT_EQ(command.sectors, 2U);
      answer(command);
    }
  }
  answer_all();
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST_F(MembershipTest, ARefusalConfirmsTheSectorCountThatWasClaimedAndNotTheBufferCount) {
  up();
  open();
  world.write(0, 2);
  const auto commands = world.take();
  world.is_honest = false;  // its answer is lost
  forge(offer(1, 1), target_mac);
  world.answer(commands.at(0), ErrorReply{0, ErrorCode::bad_argument});
  EXPECT_EQ(world.device().payload(), 512U);
  EXPECT_EQ(remote().window.limit(), 16U);
  world.is_honest = true;
  pass(1s);
  EXPECT_EQ(world.device().payload(), 1024U);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST_F(MembershipTest, ATrueConfigAnswerCountsOnceTheTargetWasAsked) {
  up();
  open();
  world.is_honest = false;  // its answer is lost
  world.config(offer(4, 1));
  EXPECT_EQ(world.device().payload(), 1024U);
  world.is_honest = true;
  pass(1s);
  EXPECT_EQ(world.device().payload(), 512U);
  EXPECT_EQ(world.device().remotes()[0].window.limit(), 4U);
}

TEST_F(MembershipTest, ForgedMacsGetNoCommandAndHoldNoRequest) {
  up();
  open();
  const Instant begin = world.now;
  for (int i = 0; i < 785; ++i) {
    forge(offer(1, 1), {{2, 0, 0, 0, 9, static_cast<std::uint8_t>(i)}});
    if (i % 16 == 0) world.write(static_cast<std::uint64_t>(i), 2);
    answer_all();
    world.advance(1ms);
  }
  EXPECT_EQ(world.device().request_counters().writes, 50U);
  EXPECT_LT(world.now - begin, 1s);
  EXPECT_EQ(writes_to[target_mac], 50);
  EXPECT_EQ(writes_to.size(), 1U);
  EXPECT_EQ(world.device().payload(), 1024U);
  EXPECT_EQ(world.device().remotes().size(), Paths::remotes_max);
  pass(60s);
  EXPECT_EQ(standings(), "1 member");  // who does not say who it is is forgotten
  EXPECT_EQ(world.seen(), "up");
}

TEST_F(MembershipTest, ThereIsRoomForTheSecondMacAmongForgedOnes) {
  up();
  for (std::uint8_t i = 0; i < 200; ++i) forge(offer(16, 2), {{2, 0, 0, 0, 9, i}});
  second(World::large_disk);
  pass(60s);
  second(World::large_disk);
  answer_all();
  EXPECT_EQ(standings(), "1 member, 2 member");
}

}  // namespace
}  // namespace aoe::initiator
