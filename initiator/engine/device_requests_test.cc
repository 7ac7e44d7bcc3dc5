// Requests to a device: what they are cut into, and the order that they keep.
#include "initiator/engine/device.h"

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"
#include "proto/trim.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

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
  EXPECT_EQ(world.device().payload(), 16 * sector_size);  // not before it has said who it is
  world.answer(world.take());
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
  EXPECT_EQ(world.outstanding(), 0U);
  const auto before = world.buffer(id);
  world.answer(commands);
  EXPECT_EQ(world.buffer(id), before);
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.events(), "") << "nobody wants their answers";
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

}  // namespace
}  // namespace aoe::initiator
