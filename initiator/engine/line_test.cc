// What a slow or lossy line leaves of the throughput, in virtual time: 64 commands outstanding at an
// MTU of 1500, beside a bare generator on the same line.
//
// The generator keeps as many requests outstanding from the start, knows the round trip, and sends a
// request again when its answer is half a round trip late. AOE_SEED=n plays one seed, AOE_SEEDS=n the
// first n where a play is short.
#include <cstdlib>
#include <iostream>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/seeds.h"
#include "initiator/testing/test_reads.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr unsigned outstanding_max = 64;

struct Line {
  Duration round_trip = 500us;
  Duration disk = 0ns;    // what each read takes longer than the IDENTIFY at the beginning
  int lost_each_way = 0;  // of 1000
  Duration slow = 0ns;    // what some answers take longer: a disk that has to seek
  int slow_answers = 0;   // of 1000
  Duration stall = 0ns;   // once every 5 s the disk answers nothing for so long
};

constexpr Duration between_stalls = 5s;

struct Outcome {
  unsigned requests = 0;
  std::uint64_t retransmissions = 0;
};

class Fate {
 public:
  Fate(const Line& line, std::uint64_t seed, Instant begun)
      : line_(line), random_(seed), begun_(begun) {}

  std::uint64_t any() { return random_(); }
  /// Returns when the answer to a request that is sent now arrives; `never`: it or its answer is
  /// lost.
  Instant arrival(Instant now) {
    if (happens(line_.lost_each_way) || happens(line_.lost_each_way)) return never;
    const Duration more = happens(line_.slow_answers) ? line_.slow : 0ns;
    const Instant answer = now + line_.round_trip + line_.disk + more;
    const Duration into = (answer - begun_) % between_stalls;
    return into < line_.stall ? answer + (line_.stall - into) : answer;
  }

 private:
  bool happens(int of_1000) { return static_cast<int>(random_() % 1000) < of_1000; }

  const Line line_;
  std::mt19937 random_;
  const Instant begun_;
};

/// Reads for so long, as fast as may be.
Outcome play(const Line& line, Duration how_long, std::uint64_t seed = 1,
             Profile profile = Profile::rfc6298) {
  World world({.discovery_interval = 0s, .profile = profile});
  world.add_ports();
  world.config({.buffer_count = outstanding_max, .sector_count = 2});
  const std::vector<Sent> identify = world.take();
  world.advance(line.round_trip);
  world.answer(identify);
  Fate fate(line, seed, world.now);
  Outcome outcome;
  outcome.requests =
      play_reads(world, {.how_long = how_long,
                         .outstanding_max = outstanding_max,
                         .place = [&] { return fate.any(); },
                         .arrival = [&](const Sent&) { return fate.arrival(world.now); }});
  outcome.retransmissions = world.device().counters().retransmissions;
  return outcome;
}

/// What the bare generator reaches: each of its requests is independent of the others.
Outcome generate(const Line& line, Duration how_long, std::uint64_t seed = 1) {
  const Instant begun{};
  const Duration patience = (line.round_trip + line.disk) * 3 / 2;
  Fate fate(line, seed, begun);
  Outcome outcome;
  for (unsigned i = 0; i < outstanding_max; ++i) {
    for (Instant now = begun; now < begun + how_long;) {
      Instant sent = now;
      Instant answered = fate.arrival(sent);
      while (answered == never || answered > sent + patience) {
        sent += patience;
        ++outcome.retransmissions;
        answered = std::min(answered, fate.arrival(sent));
      }
      now = answered;
      outcome.requests += now < begun + how_long;
    }
  }
  return outcome;
}

TEST(Line, ADiskThatStandsStillNowAndThenCostsItsStandstillAndNoMore) {
  over_seeds(10, [](std::uint64_t seed) {
    const Line line{.round_trip = 20ms, .lost_each_way = 1, .stall = 2s};
    const Outcome ours = play(line, 15s, seed);
    const Outcome bare = generate({.round_trip = 20ms, .lost_each_way = 1}, 15s, seed);
    EXPECT_GT(ours.requests, 0.9 * 3 / 5 * bare.requests);
    EXPECT_LT(ours.retransmissions, bare.retransmissions + outstanding_max);
  });
}

TEST(Line, OneFrameInAHundredLostEachWayLeavesNineTenthsOfTheThroughput) {
  over_seeds(1, [](std::uint64_t seed) {
    const Outcome clean = play({}, 500ms, seed);
    const Outcome lossy = play({.lost_each_way = 10}, 500ms, seed);
    EXPECT_EQ(clean.retransmissions, 0U);
    EXPECT_GT(lossy.retransmissions, lossy.requests / 100);
    EXPECT_GT(lossy.requests, clean.requests * 0.88) << clean.requests << " without loss";
  });
}

TEST(Line, ADiskThatSeeksForOneReadInFiftyIsHardlyAskedTwice) {
  over_seeds(1, [](std::uint64_t seed) {
    const Outcome slow = play({.slow = 30ms, .slow_answers = 20}, 400ms, seed);
    EXPECT_LT(slow.retransmissions, 2 * outstanding_max) << "of " << slow.requests;
  });
}

TEST(Line, ARoundTripOfAnyLengthLeavesNineTenthsOfWhatABareGeneratorReaches) {
  const std::uint64_t seed = seeds(1).first;
  std::string table;
  for (const Duration delay : {Duration(10ms), Duration(50ms), Duration(100ms), Duration(500ms)}) {
    for (const bool of_disk : {false, true}) {
      for (const int lost : {0, 5, 10}) {
        const Line line{.round_trip = of_disk ? 500us : delay,
                        .disk = of_disk ? delay : 0ns,
                        .lost_each_way = lost};
        const Duration how_long = 20 * delay + 20s;
        const Outcome ours = play(line, how_long, seed);
        const Outcome bare = generate(line, how_long, seed);
        const double ratio = static_cast<double>(ours.requests) / bare.requests;
        const double seconds = std::chrono::duration<double>(how_long).count();
        table += fmt::format(
            "{:3} ms of the {}, {:.1f} % lost each way: {:7.1f} of {:7.1f} requests a second, "
            "{:.2f}; "
            "{} sent again, the generator {}\n",
            delay / 1ms, of_disk ? "disk" : "wire", lost / 10.0, ours.requests / seconds,
            bare.requests / seconds, ratio, ours.retransmissions, bare.retransmissions);
        EXPECT_GE(ratio, 0.9) << delay / 1ms << " ms, " << (of_disk ? "disk" : "wire") << ", "
                              << lost << " of 1000 lost";
        if (lost == 0) {
          EXPECT_LE(ours.retransmissions, 2 * outstanding_max) << delay / 1ms << " ms";
        }
      }
    }
  }
  if (std::getenv("AOE_TABLE") != nullptr) std::cout << table;
}

}  // namespace
}  // namespace aoe::initiator
