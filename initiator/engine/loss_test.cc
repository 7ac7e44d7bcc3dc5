// What a lossy segment leaves of the throughput: 64 commands outstanding at a round-trip time of
// 500 us and an MTU of 1500, in virtual time.
#include <queue>
#include <random>

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

struct Segment {
  int lost_each_way = 0;  // of 1000
  Duration slow = 0ns;    // what some answers take longer: a disk that has to seek
  int slow_answers = 0;   // of 1000
};

struct Outcome {
  unsigned requests = 0;
  std::uint64_t retransmissions = 0;
};

/// Reads for so long, as fast as may be.
Outcome play(const Segment& link, Duration how_long) {
  World world;
  world.bring_up(World::large_disk, {.buffer_count = 64, .sector_count = 2});
  std::mt19937 random(1);
  const auto happens = [&](int of_1000) { return static_cast<int>(random() % 1000) < of_1000; };
  struct Flight {
    Instant at;
    Sent command;
    bool operator>(const Flight& other) const { return at > other.at; }
  };
  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> flights;
  const Instant end = world.now + how_long;
  Outcome outcome;
  unsigned outstanding = 0;
  while (world.now < end) {
    for (; outstanding < 64; ++outstanding) world.read(random() % 400 * 2, 2);
    for (Sent& command : world.take()) {
      if (happens(link.lost_each_way) || happens(link.lost_each_way)) continue;
      const Duration more = happens(link.slow_answers) ? link.slow : 0ns;
      flights.push({world.now + 500us + more, std::move(command)});
    }
    const Instant arrival = flights.empty() ? never : flights.top().at;
    world.now = std::max(world.now, std::min(arrival, world.engine.deadline()));
    world.advance(0ns);
    while (!flights.empty() && flights.top().at <= world.now) {
      const Sent command = flights.top().command;
      flights.pop();
      world.answer(command);
    }
    const std::string completions = world.completions();
    const auto done = static_cast<unsigned>(std::ranges::count(completions, 'k'));
    outcome.requests += done;
    outstanding -= done;
    world.events();
  }
  outcome.retransmissions = world.device().counters().retransmissions;
  return outcome;
}

TEST(Loss, OfOneFrameInAHundredEachWayLeavesMoreThanHalfOfTheThroughput) {
  const Outcome clean = play({}, 200ms);
  const Outcome lossy = play({.lost_each_way = 10}, 200ms);
  EXPECT_EQ(clean.retransmissions, 0U);
  EXPECT_GT(lossy.retransmissions, lossy.requests / 100);
  EXPECT_GT(lossy.requests, clean.requests / 2) << clean.requests << " without loss";
  RecordProperty("clean", static_cast<int>(clean.requests));
  RecordProperty("lossy", static_cast<int>(lossy.requests));
}

TEST(Loss, ADiskThatSeeksForOneReadInFiftyIsHardlyAskedTwice) {
  const Outcome slow = play({.slow = 30ms, .slow_answers = 20}, 400ms);
  EXPECT_LT(slow.retransmissions, 64U) << "of " << slow.requests;
}

}  // namespace
}  // namespace aoe::initiator
