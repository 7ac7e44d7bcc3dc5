#include "initiator/engine/engine.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

// Discovery.

TEST(EngineDiscovery, ANewPortIsAskedWhoIsThere) {
  World world;
  world.add_ports(2);
  EXPECT_EQ(world.queries(), "e*.* on 0, e*.* on 1");
}

TEST(EngineDiscovery, APortThatComesUpOrChangesIsAskedAgain) {
  World world;
  world.add_ports(2);
  world.queries();
  world.change_port(1, {.up = false});
  EXPECT_EQ(world.queries(), "");
  world.change_port(1, {.mtu = 9000, .up = true});
  EXPECT_EQ(world.queries(), "e*.* on 1");
  world.change_port(0, {.mtu = 9000});
  EXPECT_EQ(world.queries(), "e*.* on 0");
}

TEST(EngineDiscovery, AskingOneAddressGoesOutOnEveryPortThatIsUp) {
  World world;
  world.add_ports(3);
  world.change_port(1, {.up = false});
  world.queries();
  const std::uint32_t tag = world.engine.discover({7, Address::any_slot}, world.now, world.actions);
  EXPECT_NE(tag & TagTable::ours, 0U);
  for (const Transmit& frame : world.actions.frames) {
    EXPECT_EQ(decode(frame.head)->header.tag, tag);
  }
  EXPECT_NE(world.engine.discover(disk, world.now, world.actions), tag);
  world.advance(0s);
  EXPECT_EQ(world.queries(), "e7.* on 0, e7.* on 2, e7.3 on 0, e7.3 on 2");
}

TEST(EngineDiscovery, IsRepeatedEveryInterval) {
  World world({.discovery_interval = 60s});
  world.bring_up();
  world.queries();
  world.advance(0s);  // the clock starts
  EXPECT_EQ(world.queries(), "");
  world.advance(60s - 1ns);
  EXPECT_EQ(world.queries(), "");
  EXPECT_EQ(world.engine.deadline(), world.now + 1ns);
  for (int i = 0; i < 3; ++i) {
    world.advance(i == 0 ? Duration(1) : Duration(60s));
    EXPECT_EQ(world.queries(), "e*.* on 0");
  }
}

TEST(EngineDiscovery, AnIntervalOf0IsOnDemandOnly) {
  World world;
  world.add_ports();
  world.queries();
  EXPECT_EQ(world.engine.deadline(), never);
  world.advance(1000h);
  EXPECT_EQ(world.queries(), "");
}

TEST(EngineDiscovery, AnAnnouncementToEveryoneIsBelieved) {
  World world;
  world.add_ports();
  world.hear(frame_of({Mac::broadcast(), target_mac, disk, 0}, World::default_offer));
  EXPECT_EQ(world.state(), DeviceState::identifying);
  EXPECT_EQ(world.taken(), "IDENTIFY 0+1");
}

TEST(EngineDiscovery, ASilentDeviceIsSearchedForMoreAndMoreRarely) {
  World world({.deadsecs = 30s, .discovery_interval = 0s});
  world.bring_up();
  for (int i = 0; i < 40; ++i) world.read(0, 1), world.answer(world.take());
  std::vector<Instant> searches;
  for (std::uint64_t lba = 0; world.state() == DeviceState::up; ++lba) {
    world.advance(10ms);
    world.read(lba, 1);
    const std::string queries = world.queries();
    if (queries.empty()) continue;
    EXPECT_EQ(queries, "e7.3 on 0");
    searches.push_back(world.now);
  }
  ASSERT_GE(searches.size(), 3U);
  for (std::size_t i = 1; i < searches.size(); ++i) {
    const Duration since = searches[i - 1] - searches[0];
    EXPECT_GE(searches[i] - searches[i - 1], std::clamp<Duration>(since / 50, 100ms, 1s));
  }
}

TEST(EngineDiscovery, ADeviceThatAnswersAgainIsNotSearchedFor) {
  World world;
  world.bring_up();
  for (int i = 0; i < 40; ++i) world.read(0, 1), world.answer(world.take());
  world.read(0, 1);
  for (int i = 0; i < 3; ++i) {  // the last of these would search again, too early
    world.take();
    world.until_sent();
  }
  EXPECT_NE(world.queries(), "");
  world.answer(world.take());
  for (int i = 0; i < 100; ++i) {
    world.advance(100ms);
    world.read(0, 1);
    world.answer(world.take());
  }
  EXPECT_EQ(world.queries(), "");
}

// What is not believed.

TEST(EngineUnexpected, AnAnswerToATagThatWasNeverSent) {
  World world;
  world.bring_up();
  world.read(0, 1);
  Sent command = world.take().front();
  command.header.tag += 1;
  world.answer(command);
  EXPECT_EQ(world.events(), "e7.3 unexpected answer from 02:00:00:00:00:01");
  EXPECT_EQ(world.completions(), "");
}

TEST(EngineUnexpected, AnAnswerFromAnotherAddress) {
  World world;
  world.bring_up();
  world.read(0, 1);
  Sent command = world.take().front();
  command.header.address = {7, 4};
  world.answer(command);
  EXPECT_EQ(world.events(),
            "e7.3 answer from 02:00:00:00:00:01 with an address that was not asked");
  EXPECT_EQ(world.completions(), "");
}

TEST(EngineUnexpected, AnAnswerFromAMacThatTheDeviceDoesNotHave) {
  World world;
  world.bring_up();
  world.read(0, 1);
  Sent command = world.take().front();
  command.header.destination = second_mac;
  world.answer(command);
  EXPECT_EQ(world.events(), "e7.3 answer from 02:00:00:00:00:02, which was not asked");
  EXPECT_EQ(world.completions(), "");
}

TEST(EngineUnexpected, AnAnswerFromAnotherMacThanWasAskedIsRefusedAndCounted) {
  World world;
  world.bring_up();
  world.config(World::default_offer, second_mac);
  world.answer(world.take());
  world.read(0, 1);
  const Sent command = world.take().front();
  Sent forged = command;
  forged.header.destination = command.header.destination == target_mac ? second_mac : target_mac;
  world.advance(5ms);
  world.events();
  const auto average = [&] { return world.device().remotes()[0].rtt.average(); };
  const Duration before = average();
  world.answer(forged);
  world.answer(forged, ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.outstanding(), 1U);
  EXPECT_EQ(average(), before);
  EXPECT_EQ(world.device().counters().refused_answers, 2U);
  EXPECT_NE(world.events().find("which was not asked"), std::string::npos);
  world.answer(command);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(EngineUnexpected, AnAnswerToAnotherMacOrToEveryoneIsIgnored) {
  World world;
  world.bring_up();
  world.read(0, 1);
  const Sent command = world.take().front();
  for (const Mac& destination : {Mac{{2, 9, 9, 9, 9, 9}}, Mac::broadcast()}) {
    Sent misled = command;
    misled.header.source = destination;
    world.answer(misled);
  }
  EXPECT_EQ(world.events(), "");
  EXPECT_EQ(world.completions(), "");
  world.hear(frame_of({{{2, 9, 9, 9, 9, 9}}, second_mac, disk, 0}, World::default_offer));
  EXPECT_EQ(world.device().remotes().size(), 1U);
}

TEST(EngineUnexpected, AnAnswerWithoutBit31IsTheKernelDriversAndIgnored) {
  World world;
  world.bring_up();
  world.read(0, 1);
  Sent command = world.take().front();
  command.header.tag &= ~TagTable::ours;
  world.answer(command);
  EXPECT_EQ(world.events(), "");
  EXPECT_EQ(world.completions(), "");
}

TEST(EngineUnexpected, AnAnswerOfAnotherCommandToOurTag) {
  World world;
  world.bring_up();
  world.read(0, 1);
  const Sent command = world.take().front();
  world.answer(command, ReserveReply{});
  world.answer(command, MaskReply{});
  world.answer(command, VendorReply{});
  world.answer(command, ErrorReply{1, ErrorCode::bad_argument});
  const std::string event = "e7.3 unexpected answer from 02:00:00:00:00:01";
  EXPECT_EQ(world.events(), fmt::format("{0}, {0}, {0}, {0}", event));
  EXPECT_EQ(world.completions(), "");
}

TEST(EngineUnexpected, AConfigAnswerFromAWildcardAddress) {
  World world;
  world.add_ports();
  for (const Address address : {Address{Address::any_shelf, 3}, Address{7, Address::any_slot}}) {
    world.hear(frame_of({port_mac, target_mac, address, 0}, World::default_offer));
  }
  EXPECT_EQ(world.events(),
            "e*.3 answer from 02:00:00:00:00:01 with an address that was not asked, "
            "e7.* answer from 02:00:00:00:00:01 with an address that was not asked");
  EXPECT_TRUE(world.engine.devices().empty());
}

TEST(EngineUnexpected, AConfigAnswerFromAGroupAddress) {
  World world;
  world.add_ports();
  world.hear(frame_of({port_mac, Mac::broadcast(), disk, 0}, World::default_offer));
  EXPECT_EQ(world.events(), "e7.3 answer from ff:ff:ff:ff:ff:ff, which was not asked");
  EXPECT_TRUE(world.engine.devices().empty());
}

TEST(EngineUnexpected, RequestsOfOthersAreNotForAnInitiator) {
  World world;
  world.bring_up();
  world.hear(frame_of({port_mac, second_mac, disk, 0x80000001}, ConfigRequest{}));
  world.hear(frame_of({port_mac, second_mac, disk, 0x80000001},
                      AtaRequest{.sectors = 1, .opcode = ata::Opcode::read_sectors}));
  EXPECT_EQ(world.events(), "");
}

TEST(EngineUnexpected, BytesThatAreNoAnswerAreReportedWithTheRuleTheyBreak) {
  World world;
  world.add_ports();
  auto frame = frame_of({port_mac, target_mac, disk, 0}, World::default_offer);
  world.hear({frame.begin(), frame.begin() + 23});
  world.hear({frame.begin(), frame.begin() + 31});
  frame[14] = 0x08;  // version 0, as vblade announces itself
  world.hear(frame);
  frame[12] = 0;
  world.hear(frame);
  const std::string events = world.events();
  for (const Rule rule :
       {Rule::frame_too_short, Rule::arg_too_short, Rule::unsupported_version, Rule::not_aoe}) {
    EXPECT_NE(events.find(fmt::format("bad answer: {}", text(rule))), std::string::npos) << events;
  }
  EXPECT_TRUE(world.engine.devices().empty());
}

TEST(EngineUnexpected, EveryTruncationOfAnAnswerIsHarmless) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const Sent command = world.take().front();
  const auto data = disk_data(0, 2);
  const auto whole = world.answer_frame(command, AtaReply{.status = 0x40, .data = data});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    world.hear({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  EXPECT_EQ(world.completions(), "");
  world.hear(whole);
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(EngineUnexpected, ANetworkFullOfDevicesIsRememberedUpToABound) {
  World world;
  world.add_ports();
  for (unsigned shelf = 0; shelf < 300; ++shelf) {
    for (unsigned slot = 0; slot < 255; ++slot) {
      const Address address{static_cast<std::uint16_t>(shelf), static_cast<std::uint8_t>(slot)};
      world.hear(frame_of({port_mac, target_mac, address, 0}, World::default_offer));
    }
    world.take();
    world.events();
  }
  EXPECT_EQ(world.engine.devices().size(), 65536U);
}

TEST(EngineUnexpected, EachKindIsReportedForItself) {
  World world;
  world.bring_up();
  world.read(0, 1);
  const Sent command = world.take().front();
  world.answer(command);
  world.answer(command);  // replayed
  Sent other = command;
  other.header.tag += 1;
  world.answer(other);
  EXPECT_EQ(world.events(), "e7.3 duplicate answer, e7.3 unexpected answer from 02:00:00:00:00:01");
}

TEST(EngineUnexpected, AFullTableMakesRoomForNewOnesAfterAWhile) {
  World world;
  world.bring_up();
  const auto announce = [&](unsigned number) {
    const Address address{static_cast<std::uint16_t>(100 + number / 255),
                          static_cast<std::uint8_t>(number % 255)};
    world.hear(frame_of({port_mac, target_mac, address, 0}, World::default_offer));
    world.take();
    return address;
  };
  unsigned number = 0;
  while (world.engine.devices().size() < Engine::devices_max) announce(number++);
  world.events();
  EXPECT_EQ(world.engine.find(announce(number)), nullptr);
  EXPECT_EQ(world.events().find("is forgotten"), std::string::npos);
  world.now += Engine::stranger_patience;
  EXPECT_NE(world.engine.find(announce(number)), nullptr);
  EXPECT_EQ(world.state(), DeviceState::up);  // known, and so not one to go
  EXPECT_EQ(world.engine.devices().size(), 2U);
}

// Several devices.

TEST(EngineDevices, TheEarliestOfTheirDeadlinesIsTheEngines) {
  World world;
  world.add_ports();
  const Address other{8, 0};
  world.config();
  world.advance(300ms);
  world.hear(frame_of({port_mac, second_mac, other, 0}, World::default_offer));
  EXPECT_EQ(world.engine.deadline(), world.now + 700ms);
  const auto commands = world.take();
  world.advance(700ms);
  EXPECT_EQ(world.take().front().header.address, disk);
  world.advance(300ms);
  EXPECT_EQ(world.take().front().header.address, other);
}

TEST(EngineDevices, FindGivesNullForOneThatNeverAnswered) {
  World world;
  EXPECT_EQ(world.engine.find(disk), nullptr);
}

TEST(EngineDevices, OneThatWasNeverIdentifiedIsForgottenAfterTenDiscoveries) {
  World world({.deadsecs = 5s, .discovery_interval = 60s});
  world.bring_up();
  world.advance(0s);
  world.hear(frame_of({port_mac, second_mac, {8, 0}, 0}, World::default_offer));
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(world.engine.find({8, 0}), nullptr) << i;
    world.advance(60s);
  }
  world.advance(60s);
  EXPECT_EQ(world.engine.find({8, 0}), nullptr);
  EXPECT_NE(world.engine.find(disk), nullptr);
}

TEST(EngineDevices, WithoutDyndevsOnlyThoseWithAStaticMinorAreAccepted) {
  World world({.discovery_interval = 0s, .dyndevs = false});
  world.add_ports();
  const auto announce = [&](Address address) {
    world.hear(frame_of({port_mac, target_mac, address, 0}, World::default_offer));
  };
  announce({3, 15});
  announce({3, 16});
  EXPECT_NE(world.engine.find({3, 15}), nullptr);
  EXPECT_EQ(world.engine.find({3, 16}), nullptr);
  EXPECT_NE(world.events().find("e3.16 at 02:00:00:00:00:01 is refused"), std::string::npos);
  world.set_parameters({.discovery_interval = 0s});
  announce({3, 16});
  EXPECT_NE(world.engine.find({3, 16}), nullptr);
}

// Parameters.

TEST(EngineParameters, DeadsecsTakeEffectOnWhatIsOutstanding) {
  World world({.deadsecs = 180s, .discovery_interval = 0s});
  world.bring_up();
  const Instant sent = world.now;
  world.read(0, 1);
  world.advance(500ms);
  world.set_parameters({.deadsecs = 1s, .discovery_interval = 0s});
  EXPECT_LE(world.engine.deadline(), sent + 1s);
  world.advance(500ms - 1ns);
  EXPECT_EQ(world.completions(), "");
  world.advance(1ns);
  EXPECT_EQ(world.completions(), "1 device is down");
}

TEST(EngineParameters, MaxoutTakesEffectOnEveryWindow) {
  World world;
  world.bring_up(World::large_disk, {.buffer_count = 64, .sector_count = 2});
  world.set_parameters({.maxout = 3, .discovery_interval = 0s});
  world.read(0, 1000);
  EXPECT_EQ(world.take().size(), 3U);
  world.set_parameters({.maxout = 100, .discovery_interval = 0s});
  EXPECT_EQ(world.device().remotes()[0].window.limit(), 64);
}

TEST(EngineParameters, TheDiscoveryIntervalCountsFromTheLastDiscovery) {
  World world({.discovery_interval = 60s});
  world.bring_up();
  world.advance(0s);
  world.advance(60s);
  world.queries();
  world.advance(20s);
  world.set_parameters({.discovery_interval = 30s});
  EXPECT_EQ(world.engine.deadline(), world.now + 10s);
  world.set_parameters({.discovery_interval = 0s});
  EXPECT_EQ(world.engine.deadline(), never);
  world.set_parameters({.discovery_interval = 10s});
  world.advance(0s);
  EXPECT_EQ(world.queries(), "e*.* on 0");
}

TEST(EngineParameters, AnotherProfileMeasuresAnew) {
  World world;
  world.bring_up();
  EXPECT_LT(world.device().remotes()[0].rtt.timeout(1), 1s);
  world.set_parameters({.discovery_interval = 0s, .profile = Profile::linux_driver});
  EXPECT_EQ(world.device().remotes()[0].rtt.timeout(1), 16s + 500ms);
}

// Ports.

TEST(EnginePorts, OneThatHasGoneTakesItsPathsAlongAndAnotherMayHaveItsId) {
  World world;
  world.add_ports(2);
  world.bring_up();
  world.engine.remove_port(1, world.now, world.actions);
  EXPECT_EQ(world.device().remotes()[0].paths.size(), 1U);
  EXPECT_EQ(world.engine.add_port({.mac = second_mac}, world.now, world.actions), 1);
  EXPECT_EQ(world.device().remotes()[0].paths.size(), 1U);
}

TEST(EngineTags, NoTwoCommandsOutstandingShareOne) {
  World world;
  world.bring_up(World::large_disk, {.buffer_count = 10'000, .sector_count = 1});
  std::set<std::uint32_t> outstanding;
  std::vector<Sent> commands;
  for (int round = 0; round < 20; ++round) {
    world.read(0, 1000);
    for (Sent& command : world.take()) {
      ASSERT_TRUE(outstanding.insert(command.header.tag).second);
      commands.push_back(std::move(command));
    }
    for (std::size_t i = 0; i < 40 && !commands.empty(); ++i) {  // some linger
      outstanding.erase(commands.back().header.tag);
      world.answer(commands.back());
      commands.pop_back();
    }
  }
}

}  // namespace
}  // namespace aoe::initiator
