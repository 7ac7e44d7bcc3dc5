// Switches that swallow long frames, in virtual time and over many seeds: no data is wrong, requests
// go on within two seconds, what is large grows again, and frames that are lost by chance are not
// taken for it.
//
// AOE_SEED=n plays one seed, AOE_SEEDS=n the first n.
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "initiator/testing/flights.h"
#include "initiator/testing/seeds.h"
#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr unsigned everything = 17;  // sectors: an MTU of 9000

Bytes whole_disk() {
  static const std::vector<std::uint8_t> data = disk_data(0, 1000);
  return data;
}

Bytes data_at(std::uint64_t lba, std::size_t sectors) {
  return whole_disk().subspan(lba * sector_size, sectors * sector_size);
}

bool are_same(Bytes a, Bytes b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

constexpr ConfigReply target_offer{.buffer_count = 64, .sector_count = everything};

/// What one seed is about.
struct Segment {
  Duration round_trip = 200us;
  int lost_each_way = 0;  // of 1000
  int ports = 1;
  std::size_t outstanding = 16;       // requests
  std::size_t request_max = 24;       // sectors
  unsigned read_passes = everything;  // sectors of an answer on port 0, of a request
  unsigned write_passes = everything;
};

class BlackHole {
 public:
  BlackHole(const Segment& segment, std::uint64_t seed) : segment(segment), random_(seed) {
    world.add_ports(segment.ports, 9000);
    world.bring_up(World::large_disk, target_offer);
  }

  /// Reads and writes for so long.
  void run_for(Duration how_long) {
    const Instant end = world.now + how_long;
    while (world.now < end && !::testing::Test::HasFailure()) step();
  }
  template <class Condition>
  Duration run_until(Condition condition, Duration limit) {
    const Instant begin = world.now;
    while (!condition() && world.now < begin + limit && !::testing::Test::HasFailure()) step();
    return world.now - begin;
  }

  PathPayload& payload(IoKind kind, std::size_t path = 0) {
    return const_cast<Path&>(world.device().remotes()[0].paths[path]).payload(kind);
  }
  Duration longest_wait() const { return longest_wait_; }
  void forget_waits() { longest_wait_ = 0ns; }

  Segment segment;
  World world;
  std::string events;
  std::array<std::size_t, 2> sectors_by_port{};

 private:
  struct Pending {
    Instant begun;
    std::uint64_t lba;
    std::size_t sectors;
    bool is_read;
  };

  bool happens(int of_1000) { return static_cast<int>(random_() % 1000) < of_1000; }

  bool is_lost(const Sent& command) {
    if (happens(segment.lost_each_way) || happens(segment.lost_each_way)) return true;
    if (command.port != 0) return false;
    return command.sectors > (command.data.empty() ? segment.read_passes : segment.write_passes);
  }

  void step() {
    while (pending_.size() < segment.outstanding) {
      const std::size_t sectors = 1 + random_() % segment.request_max;
      const std::uint64_t lba = random_() % (1000 - sectors);
      const bool is_read = random_() % 2 == 0;
      const auto id = is_read ? world.read(lba, sectors) : world.write(lba, sectors);
      pending_[id] = {world.now, lba, sectors, is_read};
    }
    if (!world.queries().empty()) {
      for (int port = 0; port < segment.ports; ++port) {
        world.config(target_offer, target_mac, static_cast<PortId>(port));
      }
    }
    for (Sent& command : world.take()) {
      if (!command.data.empty()) {
        EXPECT_TRUE(are_same(command.data, data_at(command.lba, command.sectors)));
      }
      sectors_by_port[command.port] += command.sectors;
      if (!is_lost(command)) flights_.send(world.now + segment.round_trip, std::move(command));
    }
    world.advance_to(std::min(flights_.arrival(), world.engine.deadline()));
    while (const auto landed = flights_.land(world.now)) {
      const Sent& command = *landed;
      if (command.opcode == ata::Opcode::identify_device) {
        world.answer(command);
        continue;
      }
      const bool is_read = ata::kind(command.opcode) == ata::Kind::read;
      world.answer(command,
                   AtaReply{.flags = command.flags,
                            .status = ata::status_drdy,
                            .lba = command.lba,
                            .data = is_read ? data_at(command.lba, command.sectors) : Bytes{}});
    }
    complete(world.completions());
    const std::string happened = world.events();
    if (happened.find("on the way") != std::string::npos ||
        happened.find("pass again") != std::string::npos) {
      events += happened;
    }
  }

  void complete(const std::string& completions) {
    for (const char* at = completions.c_str(); *at != 0;) {
      char* after = nullptr;
      const std::uint64_t id = std::strtoull(at, &after, 10);
      ASSERT_EQ(std::string_view(after).substr(0, 3), " ok");
      at = after + 3;
      if (*at == ',') at += 2;
      const Pending& pending = pending_.at(id);
      if (pending.is_read) {
        ASSERT_TRUE(are_same(world.buffer(id), data_at(pending.lba, pending.sectors)));
      }
      longest_wait_ = std::max(longest_wait_, world.now - pending.begun);
      pending_.erase(id);
    }
  }

  std::mt19937 random_;
  Flights<Sent> flights_;
  std::map<std::uint64_t, Pending> pending_;
  Duration longest_wait_{};
};

TEST(BlackHole, IsFoundWithinTwoSecondsAndLeftWhenItHasGone) {
  over_seeds(30, [](std::uint64_t seed) {
    std::mt19937 random(seed + 1000);
    Segment segment{.round_trip = std::chrono::microseconds(500 << random() % 6),
                    .lost_each_way = static_cast<int>(random() % 10),
                    .outstanding = 1 + random() % 8};
    BlackHole hole(segment, seed);
    hole.run_for(200ms);
    EXPECT_EQ(hole.events, "");
    hole.forget_waits();
    const auto passes = static_cast<unsigned>(2 + random() % 14);
    const bool reads = random() % 3 > 0;
    const bool writes = !reads || random() % 2 > 0;
    if (reads) hole.segment.read_passes = passes;
    if (writes) hole.segment.write_passes = passes;
    // By chance a try may be lost though it is not too long.
    const auto is_found = [&](IoKind kind, bool swallowed) {
      const PathPayload& payload = hole.payload(kind);
      return payload.is_whole() != swallowed && (!swallowed || payload.size() <= passes);
    };
    const auto are_found = [&] {
      return is_found(IoKind::read, reads) && is_found(IoKind::write, writes);
    };
    hole.run_until([&] { return are_found() && !hole.events.empty(); }, 10s);
    EXPECT_TRUE(are_found()) << passes << " pass: " << hole.events;
    EXPECT_LT(hole.longest_wait(), 2s);
    EXPECT_NE(hole.events.find("are lost on the way"), std::string::npos) << hole.events;
    hole.segment.read_passes = hole.segment.write_passes = everything;
    const auto is_whole = [&] {
      return hole.payload(IoKind::read).is_whole() && hole.payload(IoKind::write).is_whole();
    };
    hole.run_until(is_whole, 20s);
    EXPECT_TRUE(is_whole());
    EXPECT_NE(hole.events.find("pass again"), std::string::npos) << hole.events;
  });
}

TEST(BlackHole, FramesLostByChanceAreNotTakenForOne) {
  over_seeds(30, [](std::uint64_t seed) {
    std::mt19937 random(seed + 2000);
    BlackHole segment({.round_trip = std::chrono::microseconds(500 << random() % 6),
                       .lost_each_way = 10 + static_cast<int>(random() % 41),
                       .outstanding = 1 + random() % 8},
                      seed);
    segment.run_for(1s);
    EXPECT_EQ(segment.events, "");
  });
}

TEST(BlackHole, AnOutageIsNotTakenForOne) {
  over_seeds(30, [](std::uint64_t seed) {
    std::mt19937 random(seed + 3000);
    BlackHole segment({.lost_each_way = 5, .outstanding = 1 + random() % 8}, seed);
    for (int i = 0; i < 3; ++i) {
      segment.run_for(100ms);
      segment.segment.lost_each_way = 1000;
      segment.run_for(std::chrono::milliseconds(1 << random() % 11));
      segment.segment.lost_each_way = 5;
    }
    segment.run_for(1s);
    EXPECT_EQ(segment.events, "");
  });
}

TEST(BlackHole, OnOnePathLeavesTheOtherAsItIs) {
  over_seeds(20, [](std::uint64_t seed) {
    BlackHole hole(
        {.round_trip = 2ms, .ports = 2, .outstanding = 4, .read_passes = 2, .write_passes = 2},
        seed);
    hole.run_for(2s);
    // It is found, or hardly used.
    EXPECT_TRUE(hole.payload(IoKind::read, 0).size() == 2 ||
                hole.sectors_by_port[0] < hole.sectors_by_port[1] / 10)
        << hole.events;
    EXPECT_EQ(hole.payload(IoKind::read, 1).size(), everything);
    EXPECT_EQ(hole.payload(IoKind::write, 1).size(), everything);
    EXPECT_LT(hole.longest_wait(), 2s);
  });
}

}  // namespace
}  // namespace aoe::initiator
