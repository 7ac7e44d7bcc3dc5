// Limits of LUNs and clients, and of the memory of requests, as Service keeps them: what is beyond is
// delayed or dropped, operations stay in order, and nobody else waits.

#include <deque>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "target/service/service.h"
#include "target/store/memory_store.h"
#include "target/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

constexpr std::size_t limited_disk_size = 1000 * sector_size;
constexpr Address other_address{7, 4};
constexpr RateLimits ten_a_second{.iops = 10, .burst = 0ms};
const Lines a_read{"e7.3 ata 40/00 left 0, 512 bytes of 00"};

/// A store that keeps operations until the test ends them.
class StuckDisk final : public Store {
 public:
  std::uint64_t size() const override { return limited_disk_size; }
  std::optional<std::error_code> try_now(const Operation&) override { return std::nullopt; }
  void start(Operation& operation) override { waiting.push_back(&operation); }
  void finish_one() {
    Operation& operation = *waiting.front();
    waiting.pop_front();
    operation.done({});
  }

  std::deque<Operation*> waiting;
};

class ServiceLimitsTest : public ::testing::Test {
 protected:
  ServiceLimitsTest() {
    std::tie(port, client) = MemoryPort::pair({target_mac, 9000, true}, {client_mac, 9000, true});
    limited = &add(own_address);
    add(other_address);
    limit(ten_a_second);
  }

  ServedLun& add(Address address) {
    LunOptions options;
    options.address = address;
    options.sectors = limited_disk_size / sector_size;
    options.buffer_count = 4;
    options.disk.can_trim = true;
    return service.add(options, std::make_unique<MemoryStore>(limited_disk_size));
  }
  void limit(const RateLimits& limits) { limited->limiter = RateLimiter(limits); }
  void send(const Body& body, Address address = own_address, Mac source = client_mac) {
    const auto frame = frame_of({target_mac, source, address, tag}, body);
    const Outgoing outgoing{frame, {}};
    client->send({&outgoing, 1});
  }
  Lines replies() {
    Lines lines;
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = client->receive(frames)) {
      for (const Bytes bytes : std::span(frames).first(count)) {
        lines.push_back(fmt::format("{} {}", decode(bytes)->header.address, line(bytes)));
      }
    }
    return lines;
  }
  Lines ask(const Body& body, Address address = own_address, Mac source = client_mac) {
    send(body, address, source);
    service.serve(*port);
    return replies();
  }
  /// Lets the time pass, and returns the replies that this brings.
  Lines after(Duration pause) {
    now += pause;
    due = service.go_on();
    return replies();
  }
  LunCounters counters() const { return service.counters(); }

  Instant now{1h};
  Service::Due due = Service::Due::none;
  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<MemoryPort> client;
  std::unique_ptr<ServedLun> taken_out;
  Service service{[this] { return now; }};
  ServedLun* limited = nullptr;
};

TEST_F(ServiceLimitsTest, WhatIsBeyondTheLimitIsDelayedUntilItIsDue) {
  EXPECT_EQ(ask(read_ext(0, 1)), a_read);
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{});
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{});
  EXPECT_EQ(after(99ms), Lines{});
  EXPECT_EQ(due, Service::Due::later);
  EXPECT_EQ(after(1ms), a_read);
  EXPECT_EQ(after(100ms), a_read);
  EXPECT_EQ(due, Service::Due::none);
  EXPECT_EQ(counters().delayed, 2U);
  EXPECT_EQ(counters().dropped_limit, 0U);
}

TEST_F(ServiceLimitsTest, ALunWithoutLimitsIsServedBesideOneThatIsAtItsOwn) {
  for (int i = 0; i < 4; ++i) ask(read_ext(0, 1));
  EXPECT_EQ(ask(read_ext(0, 1), other_address), Lines{"e7.4 ata 40/00 left 0, 512 bytes of 00"});
}

TEST_F(ServiceLimitsTest, DiscoveryAndOtherCommandsHaveNoLimit) {
  for (int i = 0; i < 4; ++i) ask(read_ext(0, 1));
  EXPECT_EQ(ask(ConfigRequest{}).size(), 1U);
  EXPECT_EQ(ask(MaskRequest{}).size(), 1U);
  EXPECT_EQ(ask(command(ata::Opcode::identify_device, 1)).size(), 1U);
}

TEST_F(ServiceLimitsTest, ATrimBeyondTheLimitIsDroppedAndHoldsUpNobody) {
  ask(read_ext(0, 1));
  std::vector<std::uint8_t> ranges(512);
  ranges[6] = 1;  // one sector at 0
  AtaRequest trim = command(ata::Opcode::data_set_management, 1);
  trim.flags.write = true;
  trim.feature = ata::trim_feature;
  trim.data = ranges;
  EXPECT_EQ(ask(trim), Lines{});
  EXPECT_EQ(counters().dropped_limit, 1U);
  EXPECT_EQ(counters().delayed, 0U);
}

TEST_F(ServiceLimitsTest, ALunThatWaitsForAFormerOneDoesNothing) {
  FormerLuns former;
  auto under_way =
      former.enter({{.lun = {}, .path = {}, .identity = "image", .range = {}, .writes = true}});
  limited->formers = former.that_use(*under_way);
  EXPECT_EQ(ask(write_ext(0, pattern(512, 1))), Lines{});
  EXPECT_EQ(counters().dropped_busy, 1U);
  under_way.reset();
  EXPECT_EQ(ask(read_ext(0, 1)), a_read);
}

TEST_F(ServiceLimitsTest, DelayedOperationsOnTheSameSectorsKeepTheirOrder) {
  const auto first = pattern(512, 1);
  const auto second = pattern(512, 2);
  ask(read_ext(9, 1));
  ask(write_ext(0, first));
  ask(write_ext(0, second));
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{});
  const Lines all = after(1s);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[2].ends_with(fmt::format("of {:02x}", second[0]))) << all[2];
}

TEST_F(ServiceLimitsTest, AnOperationThatIsDueWaitsForADelayedOneOnTheSameSectors) {
  limit({});
  service.limit_clients({{}, {{other_mac, ten_a_second}}});
  const auto data = pattern(512, 1);
  ask(read_ext(9, 1), own_address, other_mac);
  EXPECT_EQ(ask(write_ext(0, data), own_address, other_mac), Lines{});
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{}) << "reads what was sent before it";
  EXPECT_EQ(ask(read_ext(1, 1)), a_read);
  const Lines both = after(100ms);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_TRUE(both[1].ends_with(fmt::format("of {:02x}", data[0]))) << both[1];
}

TEST_F(ServiceLimitsTest, AClientHasNoMoreDelayedThanItMayHaveOutstanding) {
  for (int i = 0; i < 5; ++i) ask(read_ext(0, 1));
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{});
  EXPECT_EQ(counters().delayed, 4U);
  EXPECT_EQ(counters().dropped_limit, 1U);
  ask(read_ext(0, 1), own_address, other_mac);
  EXPECT_EQ(counters().delayed, 5U) << "another client has room of its own";
  EXPECT_EQ(after(400ms).size(), 4U) << "what was dropped has used up nothing";
  EXPECT_EQ(after(100ms).size(), 1U);
}

TEST_F(ServiceLimitsTest, WhatWouldBeDelayedForMoreThanASecondIsDropped) {
  limit({.bytes_per_second = 1024, .burst = 0ms});
  ask(read_ext(0, 2));
  EXPECT_EQ(ask(read_ext(0, 1)), Lines{});
  EXPECT_EQ(counters().delayed, 1U) << "due in a second";
  ask(read_ext(0, 1));
  EXPECT_EQ(counters().dropped_limit, 1U) << "due in a second and a half";
  EXPECT_EQ(after(1s), a_read);
}

TEST_F(ServiceLimitsTest, DelayedOperationsTakeNoneOfTheRoomOfOthers) {
  limit({});
  service.limit_clients({{}, {{other_mac, ten_a_second}}});
  for (int i = 0; i < 6; ++i) ask(read_ext(0, 1), own_address, other_mac);
  EXPECT_EQ(counters().delayed, 4U);
  EXPECT_EQ(ask(read_ext(0, 1)), a_read);
  EXPECT_EQ(counters().dropped_busy, 0U);
}

TEST_F(ServiceLimitsTest, EachClientHasTheLimitsOfEveryoneForItself) {
  limit({});
  service.limit_clients({ten_a_second, {}});
  EXPECT_EQ(ask(read_ext(0, 1)), a_read);
  EXPECT_EQ(ask(read_ext(0, 1), other_address), Lines{}) << "over all LUNs";
  EXPECT_EQ(ask(read_ext(0, 1), own_address, other_mac), a_read);
  service.limit_clients({});
  EXPECT_EQ(ask(read_ext(0, 1)), a_read) << "the limits are lifted";
}

TEST_F(ServiceLimitsTest, TheLaterOfBothLimitsDecides) {
  service.limit_clients({{.iops = 5, .burst = 0ms}, {}});
  EXPECT_EQ(ask(read_ext(0, 1)), a_read);
  ask(read_ext(0, 1));
  EXPECT_EQ(after(100ms), Lines{});
  EXPECT_EQ(after(100ms), a_read);
}

TEST_F(ServiceLimitsTest, ALunThatIsRemovedDropsWhatIsDelayed) {
  ask(read_ext(0, 1));
  ask(read_ext(0, 1));
  service.remove(own_address, [this](auto served) { taken_out = std::move(served); });
  EXPECT_NE(taken_out, nullptr);
  EXPECT_EQ(after(1s), Lines{});
  EXPECT_EQ(due, Service::Due::none);
  EXPECT_EQ(counters().dropped_busy, 1U);
}

TEST_F(ServiceLimitsTest, APortThatIsGoneGetsNoDelayedReply) {
  ask(read_ext(0, 1));
  ask(read_ext(0, 1));
  service.forget(*port);
  EXPECT_EQ(after(1s), Lines{});
  EXPECT_EQ(counters().dropped_port, 1U);
}

TEST_F(ServiceLimitsTest, AWildcardIsLimitedAtEachLun) {
  ask(read_ext(0, 1));
  EXPECT_EQ(ask(read_ext(0, 1), Address::everyone()),
            Lines{"e7.4 ata 40/00 left 0, 512 bytes of 00"});
  EXPECT_EQ(after(100ms), a_read);
}

// The memory of requests.

class ServiceMemoryTest : public ServiceLimitsTest {
 protected:
  static constexpr std::size_t one = 16 << 10;  // bytes that a job takes here at most
  static constexpr std::size_t memory_size = 8 * one;

  ServiceMemoryTest() {
    for (const Address address : {own_address, other_address}) {
      LunOptions options;
      options.address = address;
      options.sectors = limited_disk_size / sector_size;
      options.buffer_count = 65535;
      auto disk = std::make_unique<StuckDisk>();
      disks.push_back(disk.get());
      small.add(options, std::move(disk));
    }
  }
  ~ServiceMemoryTest() override {
    for (StuckDisk* const disk : disks) {
      while (!disk->waiting.empty()) disk->finish_one();
    }
    small.settle();
  }
  void ask_many(Address address) {
    for (int i = 0; i < 20; ++i) send(read_ext(0, 16), address);
    small.serve(*port);
  }

  RequestMemory memory{memory_size};
  Service small{[this] { return now; }, nullptr, &memory};
  std::vector<StuckDisk*> disks;
};

TEST_F(ServiceMemoryTest, ALunWhoseDiskIsStuckLeavesMemoryToTheOthers) {
  ask_many(own_address);
  EXPECT_LE(memory.used(), memory_size / 2);
  const std::size_t its = disks[0]->waiting.size();
  EXPECT_GE(its, 4U);
  EXPECT_EQ(small.counters().dropped_memory, 20U - its);
  ask_many(other_address);
  EXPECT_GE(disks[1]->waiting.size(), 2U);
  EXPECT_LE(memory.used(), memory_size);
}

TEST_F(ServiceMemoryTest, WhatIsAnsweredMakesRoom) {
  ask_many(own_address);
  const std::size_t most = disks[0]->waiting.size();
  disks[0]->finish_one();
  small.settle();
  ask_many(own_address);
  EXPECT_EQ(disks[0]->waiting.size(), most);
  while (!disks[0]->waiting.empty()) disks[0]->finish_one();
  small.settle();
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(ServiceMemoryTest, ALunThatIsRemovedGivesItsMemoryBack) {
  ask_many(own_address);
  small.remove(own_address, [this](auto served) { taken_out = std::move(served); });
  while (!disks[0]->waiting.empty()) disks[0]->finish_one();
  small.settle();
  EXPECT_EQ(memory.used(), 0U);
  EXPECT_NE(taken_out, nullptr);
}

}  // namespace
}  // namespace aoe::target
