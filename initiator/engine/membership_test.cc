// Which MAC addresses are the device: told with an engine, a disk, and others that claim its address.
#include "initiator/engine/membership.h"

#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Mac third_mac{{2, 0, 0, 0, 0, 0x03}};

Identity with_serial(std::string_view serial, std::uint64_t sectors = 1000) {
  Identity identity = World::large_disk;
  identity.serial = serial;
  identity.sectors = sectors;
  return identity;
}

class MembershipTest : public ::testing::Test {
 protected:
  /// Each MAC is a disk of its own: this identity, and sectors filled with one byte by place.
  struct Disk {
    Identity identity = World::large_disk;
    std::map<std::uint64_t, std::uint8_t> content;
  };

  void up(std::string_view serial = "S1") {
    disks[target_mac].identity = with_serial(serial);
    world.add_ports();
    world.config();
    answer_all();
    ASSERT_EQ(world.state(), DeviceState::up);
    world.events();
  }
  void open() { ASSERT_TRUE(world.engine.open(disk)); }
  void second(const Identity& identity) {
    disks[second_mac].identity = identity;
    world.config(World::default_offer, second_mac);
  }

  /// Answers what was sent, each as the disk of its MAC; one without a disk is silent. Goes on until
  /// nothing more is sent.
  void answer_all() {
    for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
      for (const Sent& command : commands) answer(command);
    }
  }
  void answer(const Sent& command) {
    const Mac mac = command.header.destination;
    ++commands_to[mac];
    if (ata::kind(command.opcode) == ata::Kind::write) ++writes_to[mac];
    if (text({command}).starts_with("FLUSH")) ++flushes_to[mac];
    const auto found = disks.find(mac);
    if (found == disks.end()) return;
    Disk& its = found->second;
    if (command.opcode == ata::Opcode::identify_device) {
      return world.answer_identify(command, its.identity);
    }
    AtaReply reply{.flags = command.flags, .status = ata::status_drdy, .lba = command.lba};
    std::vector<std::uint8_t> data;
    if (ata::kind(command.opcode) == ata::Kind::read) {
      for (unsigned i = 0; i < command.sectors; ++i) {
        data.resize(data.size() + sector_size, 0);
        data.back() = its.content[command.lba + i];
      }
      reply.data = data;
    }
    if (ata::kind(command.opcode) == ata::Kind::write) {
      for (unsigned i = 0; i < command.sectors; ++i) its.content[command.lba + i] = 0xee;
    }
    world.answer(command, reply);
  }
  void pass(Duration time) {
    const Instant end = world.now + time;
    while (true) {
      answer_all();
      if (world.engine.deadline() > end) break;
      world.now = std::max(world.now, world.engine.deadline());
      world.advance(0s);
    }
    world.now = end;
  }

  std::string standings() {
    std::string list;
    for (const RemoteTarget& remote : world.device().remotes()) {
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ", remote.mac.octets[5],
                          text(remote.standing));
    }
    return list;
  }
  void forge(ConfigReply offer, Mac from) {
    world.hear(frame_of({port_mac, from, disk, World::asked_by_another}, offer));
  }

  World world{with_deadsecs(30)};
  std::map<Mac, Disk> disks;
  std::map<Mac, int> commands_to;
  std::map<Mac, int> writes_to;
  std::map<Mac, int> flushes_to;
};

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

// Where the serial number is no proof.

TEST_F(MembershipTest, WithoutAProofTheContentIsComparedAndIsTheSame) {
  up("7.3:storage");
  disks[target_mac].content[2] = 7;
  second(with_serial("7.3:storage"));
  disks[second_mac].content[2] = 7;
  answer_all();
  EXPECT_EQ(standings(), "1 member, 2 member");
}

TEST_F(MembershipTest, WithoutAProofADifferenceThatLastsIsAnotherDisk) {
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

TEST_F(MembershipTest, TheContentIsComparedThoughTheOtherPathIsBeingAsked) {
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

TEST_F(MembershipTest, ConfigAnswersDoNotHoldTheComparisonUp) {
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

class TwoBlankDisks : public MembershipTest, public ::testing::WithParamInterface<bool> {};

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

TEST_F(MembershipTest, ATargetThatComesUpWithAnotherDiskGetsNothing) {
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

TEST_F(MembershipTest, AForgedAnnouncementHoldsNothingForLong) {
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

// Flush.

TEST_F(MembershipTest, AFlushGoesToEachMacThatWasWrittenToSinceTheLast) {
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

TEST_F(MembershipTest, AFlushForATargetThatCameUpAgainWaitsUntilItHasSaidWhoItIs) {
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

TEST_F(MembershipTest, ATargetThatWasForgottenAndFoundAgainIsFlushedToo) {
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

TEST_F(MembershipTest, AnAnnouncementIsHeardWhileSomethingElseIsAsked) {
  up();
  open();
  forge({.buffer_count = 99, .sector_count = 2}, target_mac);
  disks[target_mac].identity = with_serial("S2");
  world.take();
  world.announce();
  world.write(5, 1);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST_F(MembershipTest, AFlushToAMacThatFellSilentIsDoneByAnother) {
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

// A disk that contradicts itself.

class TwoSizes : public MembershipTest {
 protected:
  static constexpr std::uint64_t sectors = 1'074'266'112;  // 550 GB

  /// As qaoed has it: LBA48, without the bits that make the word valid.
  void identify() {
    world.add_ports();
    world.config();
    std::array<std::uint8_t, identify_size> block;
    build_identify(with_serial("S1", sectors), block);
    set_identify_words(block, 83, 1, 0x0400);
    set_identify_words(block, 86, 1, 0x0400);
    seal_identify(block);
    const Sent command = world.take().front();
    world.events();
    world.answer(command, AtaReply{.status = ata::status_drdy, .data = block});
  }
};

TEST_F(TwoSizes, IsTheLargerIfItsLastSectorReads) {
  identify();
  EXPECT_EQ(world.state(), DeviceState::identifying);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), fmt::format("READ EXT {}+1", sectors - 1));
  world.answer(commands[0]);
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.device().identity()->sectors, sectors);
  EXPECT_EQ(world.events(),
            "e7.3 tells two sizes in IDENTIFY; it is taken for 1074266112 sectors, e7.3 is up: "
            "1074266112 sectors");
}

TEST_F(TwoSizes, IsTheSmallerIfItDoesNot) {
  identify();
  world.answer(world.take().front(),
               AtaReply{.error = ata::error_idnf, .status = ata::status_drdy | ata::status_err});
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.device().identity()->sectors, 0x0fffffffU);
  EXPECT_EQ(world.events(),
            "e7.3 tells two sizes in IDENTIFY; it is taken for 268435455 sectors, e7.3 is up: "
            "268435455 sectors");
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
