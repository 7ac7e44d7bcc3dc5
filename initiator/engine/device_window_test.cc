// When a device sends: how many commands may be outstanding, and when they are sent again.
#include "initiator/engine/device.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"
#include "proto/trim.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

Parameters with_maxout(std::uint16_t maxout) {
  return {.maxout = maxout, .discovery_interval = 0s};
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
    outstanding_most = std::max(outstanding_most, world.outstanding());
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
  EXPECT_EQ(world.outstanding(), 1U);
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
  EXPECT_EQ(world.outstanding(), 1U);
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

TEST(DeviceRetransmission, OfOneWhosePathAnswersOthersCollapsesNothing) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 16);
  const auto first = world.take();
  ASSERT_EQ(first.size(), 8U);
  world.advance(90ms);  // only the last one is lost: nothing later shows it
  for (std::size_t i = 0; i < 7; ++i) world.answer(first[i]);
  const auto size = world.device().remotes()[0].window.size();
  world.until_sent();
  EXPECT_EQ(world.taken(), "READ EXT 14+2");
  EXPECT_GE(world.device().remotes()[0].window.size(), size - 1);
}

TEST(DeviceRetransmission, OfWhatOneTargetLostLeavesTheTimeoutOfAnotherAsItIs) {
  World world;
  world.bring_up(World::large_disk, offer(8, 2));
  world.config(offer(8, 2), second_mac);
  const auto answer_from = [&](std::initializer_list<Mac> macs) {
    std::vector<Sent> rest;
    for (auto commands = world.take(); !commands.empty(); commands = world.take()) {
      for (const Sent& command : commands) {
        const bool answers = std::ranges::find(macs, command.header.destination) != macs.end();
        answers ? world.answer(command) : rest.push_back(command);
      }
    }
    return rest;
  };
  const auto both = {target_mac, second_mac};
  const auto timeout = [&] { return world.device().remotes().at(1).rtt.timeout(1); };
  answer_from(both);
  // The second was late once, which it remembers.
  world.read(0, 16);
  const auto late = answer_from({target_mac});
  world.advance(400ms);
  world.answer(late);
  answer_from(both);
  const Duration learnt = timeout();
  ASSERT_GT(learnt, 400ms);
  for (int i = 0; i < 4; ++i) {
    world.read(0, 16);
    for (int tens = 0; tens < 60; ++tens) {
      answer_from({second_mac});
      world.advance(10ms);
    }
    answer_from(both);
  }
  EXPECT_GT(timeout(), learnt / 3) << "its own answers let it forget, slowly";
}

TEST(DeviceRetransmission, AnswersThatComeAfterAllTakeTheCollapseBackAndTheRestIsAwaitedAgain) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 16);
  const auto first = world.take();
  ASSERT_EQ(first.size(), 8U);
  world.until_sent();
  EXPECT_EQ(world.taken(), "READ EXT 0+2");
  EXPECT_EQ(world.device().remotes()[0].window.size(), 1);
  world.advance(50ms);  // 150 ms after they were sent
  world.answer(first[3]);
  EXPECT_EQ(world.device().remotes()[0].window.size(), 8);
  EXPECT_EQ(world.taken(), "") << "none of them is lost";
  EXPECT_EQ(world.outstanding(), 7U);
  EXPECT_GE(world.device().remotes()[0].rtt.timeout(1), 150ms);
  for (const std::size_t i : {0, 1, 2, 4, 5, 6, 7}) world.answer(first[i]);
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.device().counters().retransmissions, 1U);
}

TEST(DeviceRetransmission, WhatIsAwaitedAgainIsSentAgainWhenItExpires) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.read(0, 8);
  const auto first = world.take();
  world.until_sent();
  world.take();
  world.advance(50ms);
  world.answer(first[3]);
  world.answer(first[0]);
  for (int i = 0; i < 2; ++i) {
    world.until_sent(10s);
    world.answer(world.take());
  }
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceRetransmission, OfAFlushThatTakesLongCollapsesNothing) {
  World world;
  world.bring_up(World::large_disk, offer(16, 2));
  world.flush();
  const auto first = world.take();
  world.until_sent();
  EXPECT_EQ(world.taken(), "FLUSH CACHE EXT 0+0");
  EXPECT_EQ(world.device().remotes()[0].window.size(), 8);
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
  for (std::size_t i = 3; i < 8; ++i) world.answer(commands[i]);
  const int size = world.device().remotes()[0].window.size();
  world.advance(ReorderingWindow::wait_min);
  EXPECT_EQ(world.device().remotes()[0].window.size(), size - 3);
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
  const auto suspect = [&](std::size_t i) {
    return world.device().remotes()[i].paths[0].is_suspect();
  };
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

}  // namespace
}  // namespace aoe::initiator
