// Two paths of different quality, in virtual time: together they are never slower than the better
// one alone.
#include "initiator/engine/path_speed.h"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "initiator/testing/test_reads.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

struct Quality {
  Duration round_trip = 1ms;
  int lost = 0;         // of 1000, requests and answers together
  Duration each = 0ns;  // what each answer takes of the path's time: its capacity
};

/// One of two cards of a target, or of two ports of the initiator.
enum class Kind { macs, ports };

/// Returns how many reads are done. A dead path may answer the IDENTIFY at the beginning.
unsigned play(const std::vector<Quality>& paths, Kind kind) {
  World world;
  const bool two = paths.size() > 1;
  world.add_ports(two && kind == Kind::ports ? 2 : 1);
  constexpr ConfigReply offer{.buffer_count = 64, .sector_count = 2};
  world.config(offer);
  for (const Sent& command : world.take()) world.answer(command);
  const auto announce = [&] {
    world.config(offer);
    if (two && kind == Kind::ports) world.config(offer, target_mac, 1);
    if (two && kind == Kind::macs) world.config(offer, second_mac);
  };
  announce();
  const auto path_of = [](const Sent& command) -> std::size_t {
    return command.port == 1 || command.header.destination == second_mac ? 1 : 0;
  };
  for (int i = 0; i < 3; ++i) {  // IDENTIFY
    for (const Sent& command : world.take()) {
      if (paths[path_of(command)].lost < 1000) world.answer(command);
    }
  }
  std::mt19937 random(1);
  std::array<Instant, 2> busy_until{};
  const auto arrival = [&](const Sent& command) {
    const std::size_t path = path_of(command);
    const Quality& quality = paths[path];
    if (static_cast<int>(random() % 1000) < quality.lost) return never;
    busy_until[path] = std::max(busy_until[path], world.now) + quality.each;
    return busy_until[path] + quality.round_trip;
  };
  return play_reads(world, {.how_long = 4s, .place = [&] { return random(); }, .arrival = arrival});
}

void expect_as_good_as_the_better(const Quality& better, const Quality& other) {
  for (const Kind kind : {Kind::macs, Kind::ports}) {
    const unsigned alone = play({better}, kind);
    EXPECT_GE(play({better, other}, kind), 0.95 * alone) << alone << " alone";
    EXPECT_GE(play({other, better}, kind), 0.95 * alone)
        << alone << " alone, the better one second";
  }
}

TEST(PathSpeed, ASlowPathBesideAFastOneCostsNothing) {
  expect_as_good_as_the_better({.round_trip = 8ms}, {.round_trip = 80ms});
}

TEST(PathSpeed, ADeadPathBesideAGoodOneCostsNothing) {
  const Quality good{.round_trip = 8ms};
  const Quality dead{.round_trip = 8ms, .lost = 1000};
  for (const Kind kind : {Kind::macs, Kind::ports}) {
    const unsigned alone = play({good}, kind);
    EXPECT_GE(play({good, dead}, kind), 0.95 * alone) << alone << " alone";
    // The path that has answered IDENTIFY dies: what it has taken until then costs a timeout.
    EXPECT_GE(play({dead, good}, kind), 0.95 * alone)
        << alone << " alone, kind " << static_cast<int>(kind);
  }
}

TEST(PathSpeed, ALossyPathBesideAGoodOneCostsNothing) {
  expect_as_good_as_the_better({.round_trip = 8ms}, {.round_trip = 8ms, .lost = 360});
}

TEST(PathSpeed, TwoPathsThatAreFullAddUp) {
  const Quality path{.round_trip = 500us, .each = 500us};
  const unsigned alone = play({path}, Kind::macs);
  EXPECT_GE(play({path, path}, Kind::macs), 1.85 * alone);
  EXPECT_GE(play({path, path}, Kind::ports), 1.85 * alone);
  const Quality slower{.round_trip = 500us, .each = 1ms};
  EXPECT_GE(play({path, slower}, Kind::macs), 1.35 * alone);
}

TEST(PathSpeed, ExpectsMoreOfWhatIsOutstandingAndLost) {
  PathSpeed speed;
  EXPECT_FALSE(speed.is_measured());
  const Instant now(1h);
  EXPECT_TRUE(speed.is_due(now));
  speed.sent(now);
  EXPECT_FALSE(speed.is_due(now));
  speed.answered(1ms, now);
  const double idle = speed.expectation(0ns, now);
  EXPECT_DOUBLE_EQ(idle, 1e6);
  speed.sent(now);
  EXPECT_GT(speed.expectation(0ns, now), idle);
  speed.withdrawn();
  EXPECT_DOUBLE_EQ(speed.expectation(0ns, now), idle);
  speed.lost();
  EXPECT_GT(speed.expectation(0ns, now), idle);
}

TEST(PathSpeed, ExpectsNoLessThanItHasBeenSilent) {
  PathSpeed speed;
  const Instant now(1h);
  speed.sent(now);
  speed.answered(1ms, now);
  const double idle = speed.expectation(0ns, now + 1s);
  speed.sent(now + 1s);
  speed.sent(now + 1s);
  EXPECT_GT(speed.expectation(0ns, now + 1s + 100ms), 100 * idle);
  speed.answered(1ms, now + 1s + 100ms);
  EXPECT_LT(speed.expectation(0ns, now + 1s + 100ms), 2 * idle);
  speed.withdrawn();
  EXPECT_DOUBLE_EQ(speed.expectation(0ns, now + 2s), idle);
}

TEST(PathSpeed, WhatWasKnownOfASilentPathIsForgotten) {
  PathSpeed speed;
  const Instant now(1h);
  speed.sent(now);
  speed.answered(1s, now);
  for (int i = 0; i < 10; ++i) speed.lost();
  speed.forget();
  EXPECT_FALSE(speed.is_measured());
  EXPECT_TRUE(speed.is_due(now));
  EXPECT_DOUBLE_EQ(speed.expectation(1ms, now), 1e6);
}

}  // namespace
}  // namespace aoe::initiator
