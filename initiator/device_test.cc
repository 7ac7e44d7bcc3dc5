#include "initiator/device.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/test_words.h"
#include "proto/trim.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

Parameters with_deadsecs(int seconds) {
  return {.deadsecs = std::chrono::seconds(seconds), .discovery_interval = 0s};
}

Parameters with_maxout(std::uint16_t maxout) {
  return {.maxout = maxout, .discovery_interval = 0s};
}

ConfigReply offer(std::uint16_t buffers, std::uint8_t sectors) {
  return {.buffer_count = buffers, .sector_count = sectors};
}

/// Where commands went: "2 to 01, 3 to 02" by the last octet of the MAC address.
std::string spread(const std::vector<Sent>& commands) {
  std::map<int, int> counts;
  for (const Sent& command : commands) ++counts[command.header.destination.octets[5]];
  std::string text;
  for (const auto& [octet, count] : counts) {
    text += fmt::format("{}{} to {:02x}", text.empty() ? "" : ", ", count, octet);
  }
  return text;
}

/// Answers until nothing more is sent.
void answer_all(World& world) {
  for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
    world.answer(commands);
  }
}

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
    if (event == "last close") world.engine.close(disk);
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
  down        down; e7.3 answer from 02:00:00:00:00:01, which is not one of its addresses
  identifying up; e7.3 is up: 1000 sectors
  up          up
  open        up
  closewait   closewait; e7.3 answer from 02:00:00:00:00:01, which is not one of its addresses
useless identity
  down        down; e7.3 answer from 02:00:00:00:00:01, which is not one of its addresses
  identifying down; e7.3 could not be identified: AoE error: device unavailable, e7.3 is down
  up          up; e7.3 could not be identified: AoE error: device unavailable
  open        up; e7.3 could not be identified: AoE error: device unavailable
  closewait   closewait; e7.3 answer from 02:00:00:00:00:01, which is not one of its addresses
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
  open        up
  closewait   down
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
  closewait   closewait
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
  EXPECT_EQ(world.taken(), "");  // one IDENTIFY at a time
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

TEST_F(DeviceStates, UpAndOpenAndAConfigAnswerLearnsAPathAndAsksNothing) {
  world.bring_up();
  world.engine.open(disk);
  world.config(World::default_offer, second_mac);
  EXPECT_EQ(world.taken(), "");
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
  world.engine.close(disk);
  EXPECT_EQ(world.state(), DeviceState::closewait);
  world.engine.close(disk);
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST_F(DeviceStates, UpAndItsLastCloseStaysUp) {
  world.bring_up();
  world.engine.open(disk);
  world.engine.close(disk);
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
  world.engine.close(disk);
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
  world.engine.close(disk);
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

// Splitting.

TEST(DeviceSplit, RequestsAreCutToTheSectorCountAndTheMtu) {
  const auto commands = [](std::uint16_t mtu, std::uint8_t sector_count, std::size_t sectors) {
    World world;
    world.add_ports(1, mtu);
    world.bring_up(World::large_disk, offer(64, sector_count));
    world.read(10, sectors);
    return world.taken();
  };
  EXPECT_EQ(commands(1500, 2, 5), "READ EXT 10+2, READ EXT 12+2, READ EXT 14+1");
  EXPECT_EQ(commands(9000, 2, 3), "READ EXT 10+2, READ EXT 12+1");
  EXPECT_EQ(commands(9000, 0, 3), "READ EXT 10+2, READ EXT 12+1");  // §3.2: 0 stands for 2
  EXPECT_EQ(commands(9000, 255, 18), "READ EXT 10+17, READ EXT 27+1");
  EXPECT_EQ(commands(1500, 255, 3), "READ EXT 10+2, READ EXT 12+1");
  EXPECT_EQ(commands(1500, 1, 2), "READ EXT 10+1, READ EXT 11+1");
  EXPECT_EQ(commands(534, 2, 2), "READ EXT 10+1, READ EXT 11+1");
}

TEST(DeviceSplit, TheNarrowestPathDecides) {
  World world;
  world.add_ports(1, 9000);
  world.add_ports(1, 1500);
  world.bring_up(World::large_disk, offer(64, 16));
  EXPECT_EQ(world.device().payload(), 1024U);
  world.change_port(1, {.mtu = 9000});
  EXPECT_EQ(world.device().payload(), 16 * sector_size);
  world.config(offer(64, 3), second_mac);
  EXPECT_EQ(world.device().payload(), 3 * sector_size);
}

TEST(DeviceSplit, DataLandsWhereItBelongsWhateverTheOrderOfAnswers) {
  World world;
  world.bring_up(World::large_disk, offer(64, 2));
  const auto id = world.read(100, 7);
  const auto commands = world.take();
  ASSERT_EQ(commands.size(), 4U);
  for (const int i : {2, 0, 3}) world.answer(commands[static_cast<std::size_t>(i)]);
  EXPECT_EQ(world.completions(), "");
  world.answer(commands[1]);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(100, 7));
}

TEST(DeviceSplit, WritesCarryTheirPartOfTheData) {
  World world;
  world.bring_up(World::large_disk, offer(64, 2));
  world.write(100, 5);
  for (const Sent& command : world.take()) {
    EXPECT_TRUE(command.flags.write);
    EXPECT_EQ(command.data, disk_data(command.lba, command.sectors));
  }
}

TEST(DeviceSplit, WhatIsSentAgainIsCutToAPayloadThatShrankMeanwhile) {
  World world;
  world.add_ports(1, 9000);
  world.bring_up(World::large_disk, offer(64, 16));
  const auto id = world.read(0, 16);
  EXPECT_EQ(world.taken(), "READ EXT 0+16");
  world.change_port(0, {.mtu = 4000});
  world.until_sent();
  auto again = world.take();
  EXPECT_EQ(text(again), "READ EXT 0+7");
  world.answer(again);
  again = world.take();
  EXPECT_EQ(text(again), "READ EXT 7+7, READ EXT 14+2");
  world.answer(again);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 16));
}

TEST(DeviceSplit, AnAnswerOfTheOldPayloadIsGoodAsLongAsItIsAwaited) {
  World world;
  world.add_ports(1, 9000);
  world.bring_up(World::large_disk, offer(64, 16));
  const auto id = world.read(0, 16);
  const auto commands = world.take();
  world.change_port(0, {.mtu = 1500});
  world.answer(commands);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 16));
}

TEST(DeviceSplit, WhatATargetRefusesForItTakesLessSinceARestartIsCutAndSentAgain) {
  for (const Body& refusal : {Body(ErrorReply{0, ErrorCode::bad_argument}),
                              Body(AtaReply{.error = ata::error_abrt, .status = 0x41})}) {
    World world;
    world.add_ports(1, 9000);
    world.bring_up(World::large_disk, offer(64, 16));
    const auto id = world.read(0, 16);
    const auto large = world.take();
    world.config(offer(64, 8));
    world.take();
    world.answer(large[0], refusal);
    const auto again = world.take();
    EXPECT_EQ(text(again), "READ EXT 0+8, READ EXT 8+8");
    world.answer(again);
    EXPECT_EQ(world.completions(), "1 ok");
    EXPECT_EQ(world.buffer(id), disk_data(0, 16));
  }
}

TEST(DeviceSplit, WhatATargetRefusesThoughItFitsFails) {
  World world;
  world.add_ports(1, 9000);
  world.bring_up(World::large_disk, offer(64, 16));
  world.read(0, 16);
  world.answer(world.take()[0], ErrorReply{0, ErrorCode::bad_argument});
  EXPECT_EQ(world.completions(), "1 AoE error: bad argument parameter");
}

// Opcodes.

TEST(DeviceOpcodes, Lba28DisksAreAskedInLba28) {
  World world;
  world.bring_up(World::small_disk);
  world.read(998, 2);
  world.write(0, 1);
  world.flush();
  const auto commands = world.take();
  EXPECT_EQ(text(commands), "READ 998+2, WRITE 0+1, FLUSH CACHE 0+0");
  for (const Sent& command : commands) EXPECT_FALSE(command.flags.extended);
}

TEST(DeviceOpcodes, Lba48DisksAreAskedInLba48) {
  World world;
  Identity huge = World::large_disk;
  huge.sectors = ata::lba48_sectors_max;
  world.bring_up(huge);
  world.read(huge.sectors - 2, 2);
  world.write(0, 1);
  world.flush();
  const auto commands = world.take();
  EXPECT_EQ(text(commands), "READ EXT 281474976710654+2, WRITE EXT 0+1, FLUSH CACHE EXT 0+0");
  for (const Sent& command : commands) EXPECT_TRUE(command.flags.extended);
}

TEST(DeviceOpcodes, TheFlushThatTheDiskHasIsUsed) {
  const auto flush = [](Cache cache) {
    World world;
    world.bring_up(a_disk(1000, Addressing::lba48, cache));
    world.flush();
    return world.taken() + "; " + world.completions();
  };
  EXPECT_EQ(flush(Cache::flush), "FLUSH CACHE 0+0; ");
  EXPECT_EQ(flush(Cache::both), "FLUSH CACHE EXT 0+0; ");
  EXPECT_EQ(flush(Cache::flush_ext), "FLUSH CACHE EXT 0+0; ");
  EXPECT_EQ(flush(Cache::none), "; 1 ok");  // nothing to do
}

// Requests.

TEST(DeviceRequests, WhatIsNotWholeSectorsIsInvalid) {
  World world;
  world.bring_up();
  std::vector<std::uint8_t> bytes(1000);
  for (const std::size_t size : {std::size_t{0}, std::size_t{511}, std::size_t{513}}) {
    world.engine.submit(
        {.kind = IoKind::read, .device = disk, .into = MutableBytes(bytes).first(size), .id = size},
        world.now, world.actions);
    world.engine.submit(
        {.kind = IoKind::write, .device = disk, .from = Bytes(bytes).first(size), .id = size},
        world.now, world.actions);
  }
  world.advance(0s);
  EXPECT_EQ(world.completions(),
            "0 not whole sectors, 0 not whole sectors, 511 not whole sectors, "
            "511 not whole sectors, 513 not whole sectors, 513 not whole sectors");
  EXPECT_EQ(world.taken(), "");
}

TEST(DeviceRequests, NothingReachesBeyondTheLastSector) {
  World world;
  world.bring_up();
  world.read(999, 1);
  EXPECT_EQ(world.taken(), "READ EXT 999+1");
  world.read(999, 2);
  world.write(1000, 1);
  world.write(std::uint64_t{0} - 1, 2);  // no wrap-around
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.completions(),
            "2 beyond the last sector, 3 beyond the last sector, 4 beyond the last sector");
}

TEST(DeviceRequests, ADeviceThatIsNotUpRefusesThem) {
  World world;
  world.add_ports();
  world.read(0, 1);
  world.config();
  world.read(0, 1);
  EXPECT_EQ(world.completions(), "1 no such device, 2 device is down");
}

// Trim.

TEST(DeviceTrim, ARangeIsOneCommandWithOneBlock) {
  World world;
  world.bring_up(World::thin_disk);
  world.trim(100, 900);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "DATA SET MANAGEMENT 0+1");
  EXPECT_TRUE(commands[0].flags.write);
  EXPECT_EQ(TrimList(commands[0].data)[0], (SectorRange{100, 900}));
  EXPECT_EQ(TrimList(commands[0].data)[1], (SectorRange{0, 0}));
  world.answer(commands);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.device().request_counters().trims, 1U);
}

TEST(DeviceTrim, AHugeRangeIsSeveralCommands) {
  World world;
  Identity huge = World::thin_disk;
  huge.sectors = ata::lba48_sectors_max;
  world.bring_up(huge);
  const std::uint64_t most = RequestTable::trim_sectors_max;
  world.trim(7, 2 * most + 1);
  const auto commands = world.take();
  ASSERT_EQ(commands.size(), 3U);
  std::uint64_t next = 7;
  for (const Sent& command : commands) {
    const TrimList list(command.data);
    for (std::size_t i = 0; i < list.size() && list[i].sectors > 0; ++i) {
      EXPECT_EQ(list[i].lba, next);
      next += list[i].sectors;
    }
  }
  EXPECT_EQ(next, 7 + 2 * most + 1);
}

TEST(DeviceTrim, ADiskWithoutItDoesNotSupportIt) {
  World world;
  world.bring_up();
  world.trim(0, 1);
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.completions(), "1 not supported by the disk");
}

TEST(DeviceTrim, StaysWithinTheDisk) {
  World world;
  world.bring_up(World::thin_disk);
  world.trim(0, 0);
  world.trim(999, 2);
  world.trim(std::uint64_t{0} - 1, 2);
  EXPECT_EQ(world.completions(),
            "1 not whole sectors, 2 beyond the last sector, 3 beyond the last sector");
}

TEST(DeviceTrim, ADeviceThatIsForgottenTakesItsUnsentBlocksAlong) {
  World world;
  world.bring_up(World::thin_disk);
  world.engine.submit({.kind = IoKind::trim, .device = disk, .sectors = 8}, world.now,
                      world.actions);
  EXPECT_EQ(world.actions.frames.size(), 1U);
  world.forget();
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.completions(), "0 device is down");
}

// Cancelling.

TEST(DeviceCancel, CompletesAtOnceAndTouchesNoBuffer) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 4);
  const auto commands = world.take();
  EXPECT_TRUE(world.cancel(id));
  EXPECT_EQ(world.completions(), "1 cancelled");
  EXPECT_EQ(world.device().outstanding(), 0U);
  const auto before = world.buffer(id);
  world.answer(commands);
  EXPECT_EQ(world.buffer(id), before);
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.events(), "e7.3 late answer, e7.3 late answer");
  EXPECT_FALSE(world.cancel(id));
}

TEST(DeviceCancel, WhatWaitsForRoomIsNotSent) {
  World world;
  world.bring_up(World::large_disk, offer(1, 2));
  world.read(0, 1);
  const auto commands = world.take();
  const auto id = world.read(10, 10);
  world.read(20, 1);
  EXPECT_TRUE(world.cancel(id));
  world.answer(commands);
  EXPECT_EQ(world.taken(), "READ EXT 20+1");
}

TEST(DeviceCancel, NeitherAnotherDevicesNorAnUnknownRequest) {
  World world;
  world.bring_up();
  world.read(0, 1);
  EXPECT_FALSE(world.cancel(99));
  EXPECT_FALSE(world.engine.cancel({7, 4}, 1, world.now, world.actions));
}

TEST(DeviceCancel, AWriteHoldsItsRangeUntilItIsAnsweredOrALittleWhileIsOver) {
  for (const bool answers : {true, false}) {
    World world;
    world.bring_up();
    const auto id = world.write(0, 1);
    const auto commands = world.take();
    world.cancel(id);
    world.write(0, 1);
    EXPECT_EQ(world.taken(), "");
    const Instant cancelled = world.now;
    if (answers) {
      world.answer(commands);
    } else {
      world.until_sent();
      EXPECT_LE(world.now - cancelled, Device::linger_max);
    }
    EXPECT_EQ(world.taken(), "WRITE EXT 0+1");
  }
}

// Order.

TEST(DeviceOrder, AReadWaitsForTheWriteBeforeIt) {
  World world;
  world.bring_up();
  world.write(0, 2);
  world.read(1, 2);
  world.read(2, 2);
  const auto commands = world.take();
  EXPECT_EQ(text(commands), "WRITE EXT 0+2, READ EXT 2+2");
  world.answer(commands[0]);
  EXPECT_EQ(world.taken(), "READ EXT 1+2");
}

TEST(DeviceOrder, AWriteThatWasRepeatedHoldsItsRangeWhileACopyMayTravel) {
  for (const bool answers : {true, false}) {
    World world;
    world.bring_up();
    for (int i = 0; i < 40; ++i) world.read(0, 1), world.answer(world.take());
    world.write(5, 1);
    const auto first = world.take();
    world.until_sent();
    const auto second = world.take();
    world.completions();
    world.write(5, 1);
    world.answer(second);
    EXPECT_EQ(world.completions(), "41 ok");
    EXPECT_EQ(world.taken(), "");
    const Instant complete = world.now;
    if (answers) {
      world.answer(first);
    } else {
      world.until_sent();
      EXPECT_GE(world.now - complete, RttEstimator::timeout_min);
    }
    EXPECT_EQ(world.taken(), "WRITE EXT 5+1");
  }
}

TEST(DeviceOrder, ARequestThatIsHeldUpDiesWithTheDevice) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.write(0, 1);
  world.write(0, 1);
  world.advance(10s);
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down");
}

// The window.

TEST(DeviceWindow, StartsAtHalfOfTheBufferCount) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 1000);
  EXPECT_EQ(world.take().size(), 8U);
}

TEST(DeviceWindow, MaxoutBoundsIt) {
  World world(with_maxout(4));
  world.bring_up(World::large_disk, offer(64, 2));
  world.read(0, 1000);
  std::size_t outstanding_most = 0;
  for (auto commands = world.take(); !commands.empty();) {
    outstanding_most = std::max(outstanding_most, world.device().outstanding());
    world.answer(commands.front());
    commands.erase(commands.begin());
    for (Sent& more : world.take()) commands.push_back(std::move(more));
  }
  EXPECT_EQ(outstanding_most, 4U);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceWindow, ABufferCountOf0Or1WorksOneCommandAtATime) {
  for (const std::uint16_t buffers : {std::uint16_t{0}, std::uint16_t{1}}) {
    World world;
    world.bring_up(World::large_disk, offer(buffers, 2));
    const auto id = world.read(0, 9);
    for (int i = 0; i < 5; ++i) {
      const auto commands = world.take();
      ASSERT_EQ(commands.size(), 1U);
      world.answer(commands);
    }
    EXPECT_EQ(world.completions(), "1 ok");
    EXPECT_EQ(world.buffer(id), disk_data(0, 9));
  }
}

TEST(DeviceWindow, CollapsesOnceForCommandsLostTogether) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 1000);
  EXPECT_EQ(world.take().size(), 8U);
  world.until_sent();
  // The first is sent again at once, the others wait for the window.
  auto again = world.take();
  EXPECT_EQ(text(again), "READ EXT 0+2");
  EXPECT_EQ(world.device().remotes()[0].window.size(), 1);
  EXPECT_EQ(world.device().remotes()[0].window.threshold(), 4);
  EXPECT_EQ(world.device().outstanding(), 1U);
  world.answer(again);
  again = world.take();  // slow start
  EXPECT_EQ(text(again), "READ EXT 2+2, READ EXT 4+2");
  world.answer(again);
  EXPECT_EQ(text(world.take()), "READ EXT 6+2, READ EXT 8+2, READ EXT 10+2, READ EXT 12+2");
}

TEST(DeviceWindow, CommandsThatExpireLaterThanTheFirstOfTheirBatchDoNotCollapseItAgain) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  for (std::uint64_t i = 0; i < 8; ++i) {
    world.read(2 * i, 2);
    world.advance(1ms);
  }
  world.take();
  world.until_sent();
  EXPECT_EQ(world.taken(), "READ EXT 0+2");
  world.advance(20ms);
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.device().outstanding(), 1U);
  EXPECT_EQ(world.device().remotes()[0].window.threshold(), 4);
}

TEST(DeviceWindow, ASmallerBufferCountIsRespectedAtOnce) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 1000);
  auto commands = world.take();
  world.config(offer(2, 2));
  for (std::size_t i = 0; i < 6; ++i) {
    world.answer(commands[i]);
    EXPECT_EQ(world.taken(), "") << i;
  }
  world.answer(commands[6]);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");  // room for one
}

// Retransmission.

TEST(DeviceRetransmission, ComesExactlyAtTheTimeoutThatHeldWhenTheCommandWasSent) {
  World world({.discovery_interval = 0s, .early_retransmission = false});
  world.add_ports();
  world.config();
  const auto identify = world.take();
  world.advance(200ms);
  world.answer_identify(identify.front(), World::large_disk);  // average 200 ms, deviation 100
  world.read(0, 2);
  world.take();
  world.advance(10ms);
  world.read(2, 2);
  world.answer(world.take());  // at once: the estimate changes, the first deadline does not
  world.advance(590ms - 1ns);
  EXPECT_EQ(world.taken(), "");
  world.advance(1ns);
  EXPECT_EQ(world.taken(), "READ EXT 0+2");
}

TEST(DeviceRetransmission, TakesANewTagAndKeepsTheRest) {
  World world;
  world.bring_up();
  world.write(4, 2);
  const auto first = world.take().front();
  world.events();
  world.until_sent();
  const auto second = world.take().front();
  EXPECT_EQ(world.events(), "e7.3 retransmission 1");
  EXPECT_NE(second.header.tag, first.header.tag);
  EXPECT_NE(second.header.tag & TagTable::ours, 0U);
  EXPECT_EQ(second.lba, first.lba);
  EXPECT_EQ(second.sectors, first.sectors);
  EXPECT_EQ(second.data, first.data);
  EXPECT_EQ(world.device().counters().retransmissions, 1U);
}

TEST(DeviceRetransmission, WaitsTwiceAsLongEachTimeUpToTheMaximum) {
  World world;
  world.add_ports();
  world.config();
  Instant last = world.now;
  for (const auto wait : {1s, 2s, 4s, 8s, 8s}) {
    world.take();
    world.until_sent();
    EXPECT_EQ(world.now - last, wait);
    last = world.now;
  }
}

TEST(DeviceRetransmission, AnswersAreAsGoodAsFirstOnes) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 2);
  world.take();
  world.until_sent();
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 2));
}

TEST(DeviceRetransmission, AFlushIsGivenTheDisksTimeAndSaysNothingOfThePath) {
  World world;
  world.bring_up();
  for (int i = 0; i < 20; ++i) world.read(0, 1), world.answer(world.take());
  ASSERT_EQ(world.device().remotes()[0].rtt.timeout(1), RttEstimator::timeout_min);
  world.completions();
  world.flush();
  const auto first = world.take();
  world.advance(999ms);
  EXPECT_EQ(world.taken(), "");
  world.advance(1ms);
  const auto second = world.take();
  EXPECT_EQ(text(second), "FLUSH CACHE EXT 0+0");
  world.answer(first);  // late
  world.advance(900ms);
  world.answer(second);
  EXPECT_EQ(world.device().remotes()[0].rtt.timeout(1), RttEstimator::timeout_min);
  EXPECT_EQ(world.completions(), "21 ok");
}

TEST(DeviceEarly, ACommandThatOthersOvertookIsSentAgainAfterTheReorderingWindow) {
  World world;
  world.bring_up();
  world.read(0, 6);
  const auto commands = world.take();
  world.answer(commands[2]);
  world.advance(ReorderingWindow::wait_min - 1ns);
  EXPECT_EQ(world.taken(), "");
  world.advance(1ns);
  EXPECT_EQ(world.taken(), "READ EXT 0+2, READ EXT 2+2");
  EXPECT_EQ(world.device().counters().early_retransmissions, 2U);
}

TEST(DeviceEarly, CostsThePlaceOfWhatWasLostAndNoMore) {
  World world;
  world.bring_up(World::large_disk, offer(64, 2));
  world.read(0, 1000);
  const auto commands = world.take();
  ASSERT_EQ(commands.size(), 32U);
  for (std::size_t i = 1; i < 8; ++i) world.answer(commands[i]);
  world.advance(ReorderingWindow::wait_min);
  EXPECT_EQ(world.device().remotes()[0].window.size(), 31);
}

TEST(DeviceEarly, OneThatWasLateGivesThePlaceBackAndWidensTheReorderingWindow) {
  World world;
  world.bring_up();
  world.read(0, 4);
  const auto commands = world.take();
  world.answer(commands[1]);
  world.advance(20ms);
  EXPECT_EQ(world.taken(), "READ EXT 0+2");
  const auto size = world.device().remotes()[0].window.size();
  world.answer(commands[0]);  // the disk was slow
  EXPECT_EQ(world.device().remotes()[0].window.size(), size + 1);
  world.read(10, 4);
  world.answer(world.take()[1]);
  world.advance(39ms);
  EXPECT_EQ(world.taken(), "");
  world.advance(1ms);
  EXPECT_EQ(world.taken(), "READ EXT 10+2");
}

TEST(DeviceEarly, ASlowDiskIsNotAskedEverythingTwice) {
  World world;
  world.bring_up(World::large_disk, offer(128, 2));
  world.read(0, 126);
  world.read(500, 2);
  const auto commands = world.take();
  ASSERT_EQ(commands.size(), 64U);
  world.answer(commands[63]);  // from the disk's cache; nothing else for 30 ms
  std::size_t repeated = 0;
  for (int i = 0; i < 30; ++i) world.advance(1ms), repeated += world.take().size();
  EXPECT_GT(repeated, 0U);
  EXPECT_LE(repeated, 16U);
}

TEST(DeviceEarly, NothingIsLostByTheAnswersOfAnotherPath) {
  World world;
  world.add_ports(2);
  world.bring_up();
  world.read(0, 8);
  for (const Sent& command : world.take()) {
    if (command.port == 1) world.answer(command);
  }
  world.advance(50ms);
  EXPECT_EQ(world.taken(), "");
}

TEST(DeviceEarly, AFlushAndATrimAreWaitedFor) {
  World world;
  world.bring_up(World::thin_disk);
  world.flush();
  world.trim(0, 1);
  world.read(5, 1);
  world.answer(world.take()[2]);
  world.advance(900ms);
  EXPECT_EQ(world.taken(), "");
}

TEST(DeviceEarly, IsLeftOutInTheDriversProfileAndWhereItIsSwitchedOff) {
  for (const Parameters& parameters :
       {Parameters{.discovery_interval = 0s, .profile = Profile::linux_driver},
        Parameters{.discovery_interval = 0s, .early_retransmission = false}}) {
    World world(parameters);
    world.bring_up();
    world.read(0, 4);
    world.answer(world.take()[1]);
    world.advance(90ms);
    EXPECT_EQ(world.taken(), "");
  }
}

// The driver's profile.

Parameters as_the_driver(int deadsecs = 180) {
  return {.deadsecs = std::chrono::seconds(deadsecs),
          .discovery_interval = 0s,
          .profile = Profile::linux_driver};
}

TEST(DeviceDriverProfile, TheFirstRepetitionComesAfter16SecondsAndAtTheNextLook) {
  World world(as_the_driver());
  world.now += 30ms;
  world.add_ports();
  world.config();
  world.take();
  const Instant sent = world.now;
  world.until_sent();
  EXPECT_EQ(world.now - sent, 16s + 570ms);  // 16.5 s, and the timer looks every 100 ms
  world.take();
  const Instant again = world.now;
  world.until_sent();
  EXPECT_EQ(world.now - again, 16s + 500ms);  // no doubling
}

TEST(DeviceDriverProfile, DeadsecsCountWhenACommandExpires) {
  World world(as_the_driver(10));
  world.add_ports();
  world.config();
  world.take();
  world.advance(11s);
  EXPECT_EQ(world.state(), DeviceState::identifying);
  world.advance(6s);
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.taken(), "");
}

TEST(DeviceDriverProfile, ATargetIsSuspectAfterTenSecondsOfSilence) {
  World world(as_the_driver());
  world.bring_up();
  for (int i = 0; i < 1000; ++i) world.read(0, 1), world.answer(world.take());
  world.config(World::default_offer, second_mac);
  world.answer(world.take());
  const Instant start = world.now;
  const auto suspect = [&](std::size_t i) { return world.device().remotes()[i].paths[0].suspect; };
  while (!suspect(0)) {
    world.read(0, 1);
    world.advance(100ms);
    for (const Sent& command : world.take()) {
      if (command.header.destination == second_mac) world.answer(command);
    }
    ASSERT_LT(world.now - start, 60s);
  }
  EXPECT_GE(world.now - start, 10s);
  EXPECT_FALSE(suspect(1));
}

// Answers.

TEST(DeviceAnswers, ALateOneIsReportedAndSampledAndCompletesNothing) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  const auto second = world.take();
  world.advance(50ms);
  world.events();
  const Duration before = world.device().remotes()[0].rtt.average();
  world.answer(first);
  EXPECT_EQ(world.events(), "e7.3 late answer");
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.device().counters().late_answers, 1U);
  EXPECT_GT(world.device().remotes()[0].rtt.average(), before);
  EXPECT_NE(world.buffer(id), disk_data(0, 2));
  world.answer(second);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceAnswers, ADuplicateIsReportedAndCompletesNothing) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const auto commands = world.take();
  world.answer(commands);
  EXPECT_EQ(world.completions(), "1 ok");
  world.answer(commands);
  EXPECT_EQ(world.events(), "e7.3 duplicate answer");
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.device().outstanding(), 0U);
}

TEST(DeviceAnswers, ALateAnswerIsADuplicateTheSecondTime) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  world.events();
  world.answer(first);
  world.answer(first);
  EXPECT_EQ(world.events(), "e7.3 late answer, e7.3 duplicate answer");
}

TEST(DeviceAnswers, TooLittleReadDataIsIgnoredAndAskedForAgain) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 2);
  const auto commands = world.take();
  const auto data = disk_data(0, 2);
  world.answer(commands[0], AtaReply{.status = ata::status_drdy, .data = Bytes(data).first(1023)});
  EXPECT_EQ(world.events(),
            "bad answer: read data shorter than asked for (offset 36: have 1023, need 1024)");
  EXPECT_EQ(world.completions(), "");
  world.until_sent();
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), data);
}

TEST(DeviceAnswers, BytesAfterTheReadDataAreIgnored) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 1);
  const auto commands = world.take();
  const auto data = disk_data(0, 2);
  world.answer(commands[0], AtaReply{.status = ata::status_drdy, .data = data});
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 1));
}

TEST(DeviceAnswers, AnAoeErrorFailsTheRequestAtOnceWithItsCode) {
  World world;
  world.bring_up();
  world.write(0, 1);
  world.answer(world.take().front(), ErrorReply{0, ErrorCode::target_reserved});
  EXPECT_EQ(world.completions(), "1 AoE error: target is reserved");
  EXPECT_EQ(world.device().request_counters().failures, 1U);
  EXPECT_EQ(world.device().outstanding(), 0U);
}

TEST(DeviceAnswers, AnAtaErrorFailsTheRequestWithTheRegisters) {
  World world;
  world.bring_up();
  for (const unsigned bits : {0x01U, 0x20U, 0x08U, 0x80U}) {  // ERR, DF, DRQ, BSY
    const auto status = static_cast<std::uint8_t>(ata::status_drdy | bits);
    world.read(0, 1);
    world.answer(world.take().front(), AtaReply{.error = ata::error_unc, .status = status});
    const std::string completion = world.completions();
    EXPECT_EQ(completion.substr(completion.find(' ')),
              fmt::format(" ATA error: status {:02x}, error 40", status));
  }
}

TEST(DeviceAnswers, AFailedPartFailsTheRequestOnceAndItsRestIsNotBegun) {
  World world;
  world.bring_up(World::large_disk, offer(4, 2));
  world.read(0, 100);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "READ EXT 0+2, READ EXT 2+2");
  world.answer(commands[0], AtaReply{.error = ata::error_unc, .status = 0x41});
  EXPECT_EQ(world.completions(), "");  // its buffer is in use
  EXPECT_EQ(world.taken(), "");
  world.answer(commands[1], ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.completions(), "1 ATA error: status 41, error 40");
  world.flush();
  EXPECT_EQ(world.taken(), "FLUSH CACHE EXT 0+0");
}

// Deadsecs.

TEST(DeviceDeadsecs, TakeTheDeviceDownExactlyThen) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.advance(5s);
  const Instant sent = world.now;
  world.read(0, 1);
  while (world.engine.deadline() < sent + 10s) {
    world.now = world.engine.deadline();
    world.advance(0s);
  }
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.engine.deadline(), sent + 10s);
  world.now = sent + 10s - 1ns;
  world.advance(0s);
  EXPECT_EQ(world.state(), DeviceState::up);
  world.advance(1ns);
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.completions(), "1 device is down");
}

TEST(DeviceDeadsecs, FailWhatIsQueuedAsWell) {
  World world(with_deadsecs(10));
  world.bring_up(World::large_disk, offer(2, 2));
  world.read(0, 1);
  world.advance(9s);
  world.read(0, 100);
  world.write(0, 1);
  world.flush();
  world.advance(1s);
  EXPECT_EQ(world.completions(),
            "1 device is down, 2 device is down, 3 device is down, 4 device is down");
  EXPECT_EQ(world.device().outstanding(), 0U);
  EXPECT_EQ(world.engine.deadline(), never);
}

TEST(DeviceDeadsecs, AnAnswerToAnythingElseDoesNotSaveASilentCommand) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  world.take();
  for (int i = 0; i < 10; ++i) {
    world.advance(1s);
    world.read(500, 1);
    for (const Sent& command : world.take()) {
      if (command.lba == 500) world.answer(command);
    }
  }
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST(DeviceDeadsecs, Of0AreNever) {
  World world(with_deadsecs(0));
  world.bring_up();
  world.read(0, 1);
  for (int i = 0; i < 1000; ++i) {
    world.take();
    world.until_sent();
  }
  EXPECT_GT(world.now, Instant(3h));
  EXPECT_EQ(world.state(), DeviceState::up);
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceDeadsecs, ADeviceIsBackUpByDiscoveryAndMeasuredAnew) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  world.take();
  world.advance(10s);
  EXPECT_EQ(world.device().remotes().size(), 0U);
  world.read(0, 1);
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down");
  world.take();
  world.config();
  world.answer_identify(world.take().front(), World::large_disk);
  EXPECT_EQ(world.state(), DeviceState::up);
  world.read(0, 1);
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "3 ok");
}

TEST(DeviceDeadsecs, AnswersFromBeforeCompleteNothingAfterwards) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  const auto old = world.take();
  world.advance(10s);
  world.completions();
  world.take();
  world.config();
  world.answer_identify(world.take().front(), World::large_disk);
  world.read(5, 1);
  world.answer(old);
  EXPECT_EQ(world.completions(), "");
}

// Paths.

TEST(DevicePaths, TwoTargetsTakeTurns) {
  World world;
  world.bring_up(World::large_disk, offer(8, 2));
  world.config(offer(8, 2), second_mac);
  answer_all(world);
  world.read(0, 16);
  EXPECT_EQ(spread(world.take()), "4 to 01, 4 to 02");
}

TEST(DevicePaths, TwoPortsTakeTurns) {
  World world;
  world.add_ports(2);
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 16);
  std::array<int, 2> counts{};
  for (const Sent& command : world.take()) ++counts[command.port];
  EXPECT_EQ(counts[0], 4);
  EXPECT_EQ(counts[1], 4);
}

TEST(DevicePaths, ARepetitionTakesTheNextPort) {
  World world;
  world.add_ports(2);
  world.bring_up();
  world.read(0, 1);
  const PortId first = world.take().front().port;
  world.until_sent();
  EXPECT_NE(world.take().front().port, first);
}

TEST(DevicePaths, WhenTheMacChangesTrafficMoves) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.config(offer(16, 2), second_mac);  // it announces itself; the old address is dead
  const auto answer_second = [&] {
    unsigned to_first = 0;
    for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
      for (const Sent& command : commands) {
        const bool lost = command.header.destination == target_mac;
        to_first += lost;
        if (!lost) world.answer(command);
      }
    }
    return to_first;
  };
  world.read(0, 100);
  const Instant limit = world.now + 20s;
  std::string completions;
  while ((completions = world.completions()).empty() && world.now < limit) {
    answer_second();
    world.advance(50ms);
  }
  EXPECT_EQ(completions, "1 ok");
  // By now, or after one more round, the old address has missed enough to be left alone.
  for (int i = 0; i < 2; ++i) {
    world.read(0, 100);
    for (int j = 0; j < 400; ++j) answer_second(), world.advance(50ms);
  }
  world.completions();
  world.read(0, 100);
  EXPECT_EQ(answer_second(), 0U);
  EXPECT_EQ(world.completions(), "4 ok");
}

TEST(DevicePaths, ASuspectTargetIsTrustedAgainWhenItAnswersAQuery) {
  World world;
  world.bring_up();
  world.read(0, 1);
  for (int i = 0; i < 2; ++i) {
    world.take();
    world.until_sent();
  }
  EXPECT_TRUE(world.device().remotes()[0].paths[0].suspect);
  world.config();
  EXPECT_FALSE(world.device().remotes()[0].paths[0].suspect);
}

TEST(DevicePaths, OfTwoPortsTheOneThatIsDeadInSilenceIsLeftAlone) {
  World world;
  world.add_ports(2);
  world.bring_up();
  const Instant start = world.now;
  unsigned dead_way = 0;
  Instant last{};
  for (int i = 0; i < 2000; ++i) {
    world.read(0, 8);
    for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
      for (const Sent& command : commands) {
        if (command.port == 0) {
          ++dead_way, last = world.now;
        } else {
          world.answer(command);
        }
      }
    }
    world.advance(5ms);
  }
  EXPECT_GT(dead_way, 0U);
  EXPECT_LT(last - start, 3s);
  EXPECT_EQ(world.device().outstanding(), 0U);
  EXPECT_EQ(world.device().request_counters().failures, 0U);

  // It is asked for all the while, and used again when it answers.
  EXPECT_NE(world.queries(), "");
  world.config(World::default_offer, target_mac, 0);
  world.answer(world.take());
  world.read(0, 8);
  EXPECT_TRUE(std::ranges::any_of(world.take(), [](const Sent& c) { return c.port == 0; }));
}

TEST(DevicePaths, OneThatAnswersQueriesAndNoCommandsIsUsedOncePerQuery) {
  World world;
  world.add_ports(2);
  world.bring_up();
  world.engine.open(disk);
  unsigned dead_way = 0;
  for (int i = 0; i < 10'000; ++i) {
    world.read(0, 8);
    for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
      for (const Sent& command : commands) {
        command.port == 0 ? void(++dead_way) : world.answer(command);
      }
    }
    if (!world.queries().empty()) world.config(World::default_offer, target_mac, 0);
    world.advance(5ms);
  }
  EXPECT_LT(dead_way, 10'000U * 4 / 20);
  EXPECT_EQ(world.device().request_counters().failures, 0U);
}

TEST(DevicePaths, AmongSuspectsOneWithRoomIsUsed) {
  World world;
  world.bring_up();
  world.config(World::default_offer, second_mac);
  world.answer(world.take());
  const auto suspects = [&] {
    return std::ranges::count_if(world.device().remotes(), [](const RemoteTarget& remote) {
      return remote.paths[0].suspect;
    });
  };
  world.read(0, 8);
  while (suspects() < 2) {
    world.take();
    world.until_sent();
  }
  // Both windows have collapsed, and commands wait: none may stand empty.
  for (int i = 0; i < 20; ++i) {
    for (const RemoteTarget& remote : world.device().remotes()) {
      EXPECT_FALSE(remote.window.has_room());
    }
    world.take();
    world.until_sent();
  }
}

TEST(DevicePaths, WhatWasOnItsWayByALostPortGoesByAnotherAtOnce) {
  World world;
  world.add_ports(2);
  world.bring_up(World::large_disk, offer(16, 2));
  const auto id = world.read(0, 16);
  for (const Sent& command : world.take()) {
    if (command.port == 1) world.answer(command);
  }
  world.change_port(0, {.up = false});
  const auto again = world.take();
  EXPECT_EQ(again.size(), 4U);
  for (const Sent& command : again) EXPECT_EQ(command.port, 1);
  world.answer(again);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 16));
  EXPECT_EQ(world.device().outstanding(), 0U);
}

TEST(DevicePaths, TheOnlyPortComesBackAndIoGoesOn) {
  World world;
  world.bring_up();
  world.read(0, 2);
  world.take();
  world.change_port(0, {.up = false});
  EXPECT_EQ(world.device().remotes().size(), 0U);
  world.advance(30s);
  EXPECT_EQ(world.taken(), "");
  world.change_port(0, {.up = true});
  EXPECT_EQ(world.queries(), "e*.* on 0");
  world.config();
  const auto commands = world.take();
  EXPECT_EQ(text(commands), "IDENTIFY 0+1, READ EXT 0+2");
  world.answer(commands[1]);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DevicePaths, WithoutAnyPortIoFailsAfterDeadsecs) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.change_port(0, {.up = false});
  world.advance(100s);
  EXPECT_EQ(world.state(), DeviceState::up);  // nothing has been asked of it
  world.read(0, 2);
  world.advance(5s);
  world.write(0, 2);
  world.advance(5s - 1ns);
  EXPECT_EQ(world.completions(), "");
  world.advance(1ns);
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down");
}

TEST(DevicePaths, AnMtuTooSmallForASectorIsNoPath) {
  World world(with_deadsecs(10));
  world.add_ports(1, 533);
  world.config();
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.state(), DeviceState::identifying);
  world.advance(10s);
  EXPECT_EQ(world.state(), DeviceState::down);
  world.change_port(0, {.mtu = 534});
  world.config();
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST(DevicePaths, RemoteTargetsAreBoundedAndTheLongestSilentOneGivesWay) {
  World world;
  world.bring_up();
  Mac mac{{2, 0, 0, 1, 0, 0}};
  for (int i = 0; i < 3'000; ++i) {
    mac.octets[4] = static_cast<std::uint8_t>(i >> 8);
    mac.octets[5] = static_cast<std::uint8_t>(i);
    world.now += 1us;
    world.config();  // the good one is heard of as well
    world.answer(world.take());
    world.config(World::default_offer, mac);
    world.answer(world.take());
    world.events();
    // What is outstanding is counted by serial number: a second one of its own would be miscounted.
    const auto& remotes = world.device().remotes();
    ASSERT_EQ(remotes.front().mac, target_mac);
    ASSERT_NE(remotes.front().paths[0].serial, remotes.back().paths[0].serial);
  }
  EXPECT_EQ(world.device().remotes().size(), 16U);
  EXPECT_EQ(world.state(), DeviceState::up);
}

TEST(DeviceSearch, ItIsSearchedForWhileThereIsNoWayToIt) {
  World world;
  world.bring_up();
  world.queries();
  Link link{.mac = port_mac, .mtu = 1500, .up = false};
  world.change_port(0, link);
  world.read(0, 1);
  link.up = true;
  world.change_port(0, link);  // what is asked now is lost
  world.queries();
  EXPECT_EQ(world.taken(), "");
  world.advance(1s);
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  world.advance(1s);
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  world.config();
  world.taken();
  world.advance(1s);
  EXPECT_EQ(world.queries(), "");
}

TEST(DeviceSearch, AnMtuThatCarriesSectorsAgainIsAWay) {
  World world;
  world.bring_up();
  Link link{.mac = port_mac, .mtu = 100, .up = true};
  world.change_port(0, link);
  world.read(0, 1);
  EXPECT_EQ(world.taken(), "");
  link.mtu = 1500;
  world.change_port(0, link);
  EXPECT_EQ(world.taken(), "READ EXT 0+1");
}

}  // namespace
}  // namespace aoe::initiator
