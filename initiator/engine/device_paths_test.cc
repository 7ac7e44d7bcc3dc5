// The ways to a device, several and changing.
#include "initiator/engine/device.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

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

/// Lets a command be answered on every path, so that none is new.
void use_all(World& world) {
  world.read(0, 8);
  answer_all(world);
  world.completions();
}

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
  use_all(world);
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

TEST(DevicePaths, WhatTimedOutGoesByAnotherThatServes) {
  World world;
  world.bring_up(World::large_disk, offer(8, 2));
  world.config(offer(8, 2), second_mac);
  answer_all(world);
  // The second answers after 300 ms: it is only tried every 250 ms, and awaited for longer than that.
  const auto answer_those_to = [&](const std::vector<Sent>& commands, Mac mac) {
    std::vector<Sent> others;
    for (const Sent& command : commands) {
      if (command.header.destination == mac) {
        world.answer(command);
      } else {
        others.push_back(command);
      }
    }
    return others;
  };
  std::vector<Sent> slow;
  for (int i = 0; i < 4; ++i) {
    world.read(0, 8);
    slow = answer_those_to(world.take(), target_mac);
    ASSERT_FALSE(slow.empty());
    world.advance(300ms);
    if (i < 3) world.answer(slow);
  }
  world.until_sent();
  EXPECT_EQ(spread(world.take()), fmt::format("{} to 01", slow.size()))
      << "what was lost is what tries the slow path again";
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
  EXPECT_TRUE(world.device().remotes()[0].paths[0].is_suspect());
  const Instant fell_silent = world.now;
  world.take();
  world.until_sent();
  EXPECT_EQ(world.device().remotes()[0].paths[0].suspect_since, fell_silent);
  world.take();
  world.config();  // anyone may say that
  EXPECT_TRUE(world.device().remotes()[0].paths[0].is_suspect());
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "IDENTIFY 0+1");
  world.answer(commands);
  EXPECT_FALSE(world.device().remotes()[0].paths[0].is_suspect());
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
  EXPECT_EQ(world.outstanding(), 0U);
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
      return remote.paths[0].is_suspect();
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
  use_all(world);
  const auto id = world.read(0, 16);
  for (const Sent& command : world.take()) {
    if (command.port == 1) world.answer(command);
  }
  world.change_port(0, {.up = false});
  const auto again = world.take();
  EXPECT_EQ(again.size(), 4U);
  for (const Sent& command : again) EXPECT_EQ(command.port, 1);
  world.answer(again);
  EXPECT_EQ(world.completions(), "2 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 16));
  EXPECT_EQ(world.outstanding(), 0U);
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
  auto commands = world.take();
  EXPECT_EQ(text(commands), "IDENTIFY 0+1");
  world.answer(commands);
  commands = world.take();
  EXPECT_EQ(text(commands), "READ EXT 0+2");
  world.answer(commands);
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
  world.answer(world.take());
  EXPECT_EQ(world.taken(), "READ EXT 0+1");
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
