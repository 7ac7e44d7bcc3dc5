// What a device is, and becomes: every state, with everything that may happen in it.
#include "initiator/engine/device.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

// States: every pair of the table in device.h.

struct DeviceIn {
  void make_identifying() {
    world.add_ports();
    world.config();
    ASSERT_EQ(world.state(), DeviceState::identifying);
    identify = world.take().front();
    world.events();
  }
  void make_down() {
    make_identifying();
    world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
    ASSERT_EQ(world.state(), DeviceState::down);
    world.events();
  }
  /// Up, with another IDENTIFY on its way.
  void make_up() {
    world.bring_up();
    world.config();
    identify = world.take().front();
    world.events();
  }
  void be_silent_for_deadsecs() {
    world.now += 180s;
    world.advance(0s);
  }

  /// Down, identifying, up, open (and up), closewait.
  void enter(std::string_view state) {
    if (state == "down") return make_down();
    if (state == "identifying") return make_identifying();
    make_up();
    if (state == "up") return;
    ASSERT_TRUE(world.engine.open(disk));
    if (state == "closewait") be_silent_for_deadsecs();
  }

  /// An IDENTIFY that is on its way while the device is up is answered first, but for its answer's
  /// sake.
  void settle(std::string_view event) {
    const bool is_awaited = event.ends_with("identity");
    if (world.state() == DeviceState::up && !is_awaited) {
      world.answer_identify(identify, World::large_disk);
    }
  }

  /// What comes of an event: what the call returns, the state, and what is sent, asked and told.
  std::string meet(std::string_view event) {
    settle(event);
    world.take();
    world.queries();
    world.events();
    world.completions();
    std::string outcome;
    const auto returned = [&](bool done) { outcome = done ? "" : "refused; "; };
    if (event == "config answer") world.config();
    if (event == "good identity") world.answer_identify(identify, World::large_disk);
    if (event == "useless identity") {
      world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
    }
    if (event == "deadsecs") be_silent_for_deadsecs();
    if (event == "open") returned(world.engine.open(disk));
    if (event == "last close") world.close();
    if (event == "port lost") world.change_port(0, {.mac = port_mac, .up = false});
    if (event == "revalidate") returned(world.revalidate());
    if (event == "forget") returned(world.forget());
    const Device* device = world.engine.find(disk);
    outcome += device == nullptr ? "gone" : text(device->state());
    for (const std::string& what : {world.taken(), world.queries(), world.events()}) {
      if (!what.empty()) outcome += "; " + what;
    }
    return outcome;
  }

  World world;
  Sent identify;
};

class DeviceStates : public ::testing::Test, protected DeviceIn {};

TEST(DeviceTable, EveryEventInEveryState) {
  std::string table;
  for (const char* event : {"config answer", "good identity", "useless identity", "deadsecs",
                            "open", "last close", "port lost", "revalidate", "forget"}) {
    table += fmt::format("{}\n", event);
    for (const char* state : {"down", "identifying", "up", "open", "closewait"}) {
      const bool has_users = std::string_view(state) == "open" || state[0] == 'c';
      if (std::string_view(event) == "last close" && !has_users) continue;
      DeviceIn device;
      device.enter(state);
      table += fmt::format("  {:<12}{}\n", state, device.meet(event));
    }
  }
  EXPECT_EQ(table, R"(config answer
  down        identifying; IDENTIFY 0+1; e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2
  identifying identifying; e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2
  up          up; IDENTIFY 0+1; e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2
  open        up; e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2
  closewait   closewait; e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2
good identity
  down        down; e7.3 duplicate answer
  identifying up; e7.3 is up: 1000 sectors
  up          up
  open        up
  closewait   closewait; e7.3 late answer
useless identity
  down        down; e7.3 duplicate answer
  identifying down; e7.3 could not be identified: AoE error: device unavailable, e7.3 is down
  up          up; e7.3 could not be identified: AoE error: device unavailable
  open        up; e7.3 could not be identified: AoE error: device unavailable
  closewait   closewait; e7.3 late answer
deadsecs
  down        down
  identifying down; e7.3 is down
  up          up
  open        up
  closewait   closewait
open
  down        refused; down
  identifying refused; identifying
  up          up
  open        up
  closewait   refused; closewait
last close
  open        up; e7.3 on 0
  closewait   down; e7.3 on 0
port lost
  down        down
  identifying identifying
  up          up
  open        up
  closewait   closewait
revalidate
  down        down; e7.3 on 0
  identifying identifying
  up          up; IDENTIFY 0+1
  open        up; IDENTIFY 0+1
  closewait   closewait; e7.3 on 0
forget
  down        gone; e7.3 is forgotten
  identifying gone; e7.3 is forgotten
  up          gone; e7.3 is forgotten
  open        refused; up
  closewait   refused; closewait
)");
}

TEST_F(DeviceStates, DownAndAConfigAnswerIdentifies) {
  make_down();
  world.config();
  EXPECT_EQ(world.state(), DeviceState::identifying);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST_F(DeviceStates, DownAndAnIdentityComesLate) {
  make_down();
  world.answer_identify(identify, World::large_disk);
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST_F(DeviceStates, DownAndAUselessIdentityComesLate) {
  make_down();
  world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST_F(DeviceStates, DownAndSilentStaysDown) {
  make_down();
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.events(), "");
  EXPECT_EQ(world.taken(), "");
}

TEST_F(DeviceStates, IdentifyingAndAConfigAnswerLearnsAnotherPath) {
  make_identifying();
  world.config(World::default_offer, second_mac);
  EXPECT_EQ(world.state(), DeviceState::identifying);
  EXPECT_EQ(world.device().remotes().size(), 2U);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");  // each MAC says itself which disk it is
}

TEST_F(DeviceStates, IdentifyingAndAGoodIdentityIsUp) {
  make_identifying();
  world.answer_identify(identify, World::large_disk);
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.events(), "e7.3 is up: 1000 sectors");
}

TEST_F(DeviceStates, IdentifyingAndAUselessIdentityIsDown) {
  make_identifying();
  world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.events(),
            "e7.3 could not be identified: AoE error: device unavailable, e7.3 is down");
}

TEST_F(DeviceStates, IdentifyingAndADiskWithoutSectorsIsDown) {
  make_identifying();
  Identity empty = World::large_disk;
  empty.sectors = 0;
  world.answer_identify(identify, empty);
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.events(),
            "e7.3 could not be identified: IDENTIFY of a disk without sectors (offset 236: have 0, "
            "need 1), e7.3 is down");
}

TEST_F(DeviceStates, IdentifyingAndADamagedIdentityIsDown) {
  make_identifying();
  std::array<std::uint8_t, identify_size> block;
  build_identify(World::large_disk, block);
  block[100] ^= 4;
  world.answer(identify, AtaReply{.status = ata::status_drdy, .data = block});
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.events(),
            "e7.3 could not be identified: IDENTIFY with a wrong checksum (offset 546: have 4, "
            "need 0), e7.3 is down");
}

TEST_F(DeviceStates, IdentifyingAndSilentIsDown) {
  make_identifying();
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.events(), "e7.3 is down");
  EXPECT_EQ(world.engine.deadline(), never);
}

TEST_F(DeviceStates, UpAndAConfigAnswerIdentifiesAgain) {
  world.bring_up();
  world.config();
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST_F(DeviceStates, UpAndTheSameIdentityStaysUpWithoutAWord) {
  make_up();
  world.answer_identify(identify, World::large_disk);
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.events(), "");
}

TEST_F(DeviceStates, UpAndAnotherSizeIsResized) {
  make_up();
  Identity larger = World::large_disk;
  larger.sectors = 2000;
  world.answer_identify(identify, larger);
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.events(), "e7.3 has 2000 sectors now");
  world.read(1999, 1);
  EXPECT_EQ(world.taken(), "READ EXT 1999+1");
}

TEST_F(DeviceStates, UpAndAUselessIdentityStaysUpAndIsReported) {
  make_up();
  world.answer(identify, AtaReply{.error = ata::error_abrt, .status = 0x41});
  EXPECT_EQ(world.state(), DeviceState::up);
  EXPECT_EQ(world.events(), "e7.3 could not be identified: ATA error: status 41, error 04");
  EXPECT_EQ(world.device().identity()->sectors, 1000U);
}

TEST_F(DeviceStates, UpAndSilentIsDownWithAllIoFailed) {
  make_up();
  world.read(0, 200);
  world.write(0, 1);
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down");
}

TEST_F(DeviceStates, OnlyADeviceThatIsUpIsOpened) {
  EXPECT_FALSE(world.engine.open(disk));  // unknown
  make_identifying();
  EXPECT_FALSE(world.engine.open(disk));
  world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_FALSE(world.engine.open(disk));
  world.config();
  world.answer(world.take());
  EXPECT_TRUE(world.engine.open(disk));
  EXPECT_EQ(world.device().users(), 1U);
}

TEST_F(DeviceStates, UpAndOpenAndAConfigAnswerFromAnotherMacAsksIt) {
  world.bring_up();
  world.engine.open(disk);
  world.config();
  EXPECT_EQ(world.taken(), "");
  world.config(World::default_offer, second_mac);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
  EXPECT_EQ(world.device().remotes().size(), 2U);
}

TEST_F(DeviceStates, UpAndOpenAndSilentWaitsForItsLastClose) {
  make_up();
  world.engine.open(disk);
  world.engine.open(disk);
  world.read(0, 1);
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::closewait);
  EXPECT_EQ(world.seen(), "down,closewait");
  EXPECT_EQ(world.completions(), "1 device is down");
  EXPECT_EQ(world.engine.deadline(), never);
  world.queries();
  world.close();
  EXPECT_EQ(world.state(), DeviceState::closewait);
  EXPECT_EQ(world.queries(), "");
  world.close();
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.queries(), "e7.3 on 0");
}

TEST_F(DeviceStates, UpAndItsLastCloseStaysUp) {
  world.bring_up();
  world.engine.open(disk);
  world.close();
  EXPECT_EQ(world.state(), DeviceState::up);
  world.config();
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST_F(DeviceStates, CloseWaitHearsNothingAndFailsAllIoAtOnce) {
  make_up();
  world.engine.open(disk);
  be_silent_for_deadsecs();
  world.events();
  world.take();
  world.config();
  world.answer_identify(identify, World::large_disk);
  world.answer(identify, ErrorReply{0, ErrorCode::device_unavailable});
  be_silent_for_deadsecs();
  world.change_port(0, {.up = false});
  EXPECT_TRUE(world.revalidate());
  EXPECT_FALSE(world.forget());
  EXPECT_FALSE(world.engine.open(disk));
  EXPECT_EQ(world.state(), DeviceState::closewait);
  EXPECT_EQ(world.taken(), "");
  world.read(0, 1);
  EXPECT_EQ(world.completions(), "1 device is down");
}

TEST_F(DeviceStates, AfterTheLastCloseADiscoveryBringsItBack) {
  make_up();
  world.engine.open(disk);
  be_silent_for_deadsecs();
  world.take();
  world.close();
  world.config();
  EXPECT_EQ(world.state(), DeviceState::identifying);
  world.answer(world.take());
  EXPECT_EQ(world.state(), DeviceState::up);
}

TEST_F(DeviceStates, DownAndRevalidateIsSearchedFor) {
  EXPECT_FALSE(world.revalidate());  // unknown
  make_down();
  world.queries();
  EXPECT_TRUE(world.revalidate());
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  EXPECT_EQ(world.taken(), "");
}

TEST_F(DeviceStates, IdentifyingAndRevalidateIsBeingAskedAlready) {
  make_identifying();
  EXPECT_TRUE(world.revalidate());
  EXPECT_EQ(world.taken(), "");
}

TEST_F(DeviceStates, UpAndRevalidateFindsAnotherSizeThoughItBeOpen) {
  world.bring_up();
  world.engine.open(disk);
  EXPECT_TRUE(world.revalidate());
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");
  world.answer_identify(commands[0], a_disk(2000, Addressing::lba48, Cache::both));
  EXPECT_EQ(world.events(), "e7.3 has 2000 sectors now");
}

TEST_F(DeviceStates, DownAndAPortLostStaysDown) {
  make_down();
  world.change_port(0, {.up = false});
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.engine.deadline(), never);
}

TEST_F(DeviceStates, IdentifyingAndAPortLostGoesOnByOthersOrIsDownAfterDeadsecs) {
  world.add_ports();
  make_identifying();
  world.config(World::default_offer, target_mac, 1);
  world.change_port(identify.port, {.up = false});
  const auto again = world.take();
  ASSERT_EQ(text(again), "IDENTIFY 0+1");
  EXPECT_NE(again[0].port, identify.port);
  world.change_port(again[0].port, {.up = false});
  be_silent_for_deadsecs();
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST_F(DeviceStates, WhatUsersSeeAreTheDriversThree) {
  make_identifying();
  EXPECT_EQ(world.seen(), "down");
  world.answer_identify(identify, World::large_disk);
  EXPECT_EQ(world.seen(), "up");
}

TEST_F(DeviceStates, DownAndForgottenIsGone) {
  make_down();
  EXPECT_TRUE(world.forget());
  EXPECT_EQ(world.engine.find(disk), nullptr);
  EXPECT_EQ(world.events(), "e7.3 is forgotten");
  EXPECT_FALSE(world.forget());
}

TEST_F(DeviceStates, IdentifyingAndForgottenIsGoneAndItsAnswerIsNotExpected) {
  make_identifying();
  EXPECT_TRUE(world.forget());
  world.answer_identify(identify, World::large_disk);
  EXPECT_EQ(world.engine.find(disk), nullptr);
  EXPECT_EQ(world.events(), "e7.3 is forgotten, e7.3 unexpected answer from 02:00:00:00:00:01");
  world.advance(1h);
  EXPECT_EQ(world.taken(), "");
}

TEST_F(DeviceStates, UpAndForgottenFailsItsIo) {
  make_up();
  world.read(0, 200);
  const auto commands = world.take();
  EXPECT_TRUE(world.forget());
  EXPECT_EQ(world.completions(), "1 device is down");
  world.answer(commands);
  world.read(0, 1);
  EXPECT_EQ(world.completions(), "2 no such device");
}

TEST_F(DeviceStates, OpenIsNotForgotten) {
  world.bring_up();
  world.engine.open(disk);
  EXPECT_FALSE(world.forget());
  EXPECT_EQ(world.engine.forget_unopened(world.now, world.actions), 0U);
  world.close();
  EXPECT_EQ(world.engine.forget_down(world.now, world.actions), 0U);
  EXPECT_EQ(world.engine.forget_unopened(world.now, world.actions), 1U);
}

// What the disk says of itself.

TEST(DeviceIdentity, AbsurdIdentitiesAreRefusedByName) {
  std::array<std::uint8_t, identify_size> good;
  build_identify(World::large_disk, good);
  const auto told = [](Bytes block) {
    World world;
    world.add_ports();
    world.config();
    world.events();
    world.answer(world.take().front(), AtaReply{.status = ata::status_drdy, .data = block});
    EXPECT_EQ(world.state(), DeviceState::down);
    return world.events();
  };
  auto no_lba = good;
  no_lba[2 * 49 + 1] = 0;
  EXPECT_NE(told(no_lba).find("could not be identified"), std::string::npos);
  auto large_sectors = good;
  large_sectors[2 * 106 + 1] = 0x50;  // valid, and logical sectors have a size of their own:
  large_sectors[2 * 117 + 1] = 0x08;  // 2048 words
  EXPECT_NE(told(large_sectors).find("could not be identified"), std::string::npos);
  auto endless = good;
  endless[2 * 103 + 1] = 0xff;  // more sectors than 48 bits can address
  EXPECT_NE(told(endless).find("could not be identified"), std::string::npos);
}

TEST(DeviceIdentity, AShortIdentityIsIgnoredAndAskedForAgain) {
  World world;
  world.add_ports();
  world.config();
  const Sent identify = world.take().front();
  world.events();
  const auto block = disk_data(0, 1);
  world.answer(identify, AtaReply{.status = ata::status_drdy, .data = Bytes(block).first(511)});
  EXPECT_EQ(world.state(), DeviceState::identifying);
  EXPECT_EQ(world.events(),
            "bad answer: read data shorter than asked for (offset 36: have 511, need 512)");
  world.until_sent();
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST(DeviceIdentity, ADiskThatLosesItsLba48WhileIoIsOutstandingFailsItAndNothingElse) {
  World world;
  Identity huge = World::large_disk;
  huge.sectors = std::uint64_t{1} << 40;
  world.bring_up(huge);
  world.read(huge.sectors - 1, 1);
  world.take();
  world.config();
  world.answer_identify(world.take().front(), World::small_disk);
  world.until_sent();
  const auto again = world.take();
  EXPECT_EQ(text(again), fmt::format("READ EXT {}+1", huge.sectors - 1));
  world.answer(again[0], AtaReply{.flags = {.extended = true}, .error = 0x04, .status = 0x41});
  EXPECT_EQ(world.completions(), "1 ATA error: status 41, error 04");
}

}  // namespace
}  // namespace aoe::initiator
