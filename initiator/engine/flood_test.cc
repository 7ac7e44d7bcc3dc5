// What a segment full of lies costs: memory, processor time and frames, with 65,536 forged LUNs.
#include <malloc.h>

#include <ctime>

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t forged_luns = 65'536;

/// Bytes that are allocated now. Always 0 under a sanitizer, which has an allocator of its own.
std::size_t allocated() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

double processor_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

/// A flood of config answers, each of another LUN.
class Flood : public ::testing::Test {
 protected:
  Flood() { engine.add_port({.mac = port_mac, .mtu = 1500, .up = true}, now, actions); }

  void forge(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Address lun{static_cast<std::uint16_t>(1 + i / 254),
                        static_cast<std::uint8_t>(i % 254)};
      const auto octet = static_cast<std::uint8_t>(i);
      engine.on_frame(0, frame_of({port_mac, {{2, 0, 0, 0, 1, octet}}, lun, 0}, offer(16, 2)), now,
                      actions);
      take();
      if (i % 32 == 0) now += 1ms;
    }
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (engine.deadline() <= end) {
      now = std::max(now, engine.deadline());
      engine.tick(now, actions);
      take();
    }
    now = end;
  }
  void take() {
    frames += actions.frames.size();
    actions.clear();
  }

  Engine engine{{.discovery_interval = 0s}, 1};
  Instant now = Instant(1h);
  Actions actions;
  std::size_t frames = 0;
};

TEST_F(Flood, CostsLittleMemoryAndTime) {
  const std::size_t before = allocated();
  const double since = processor_seconds();
  forge(forged_luns);
  pass(60s);
  const std::size_t memory = allocated() - before;
  const double time = processor_seconds() - since;
  std::printf("devices %zu: %zu MB, %.1f s of processor, %zu frames in 62 s\n",
              engine.devices().size(), memory / 1'000'000, time, frames);
  EXPECT_EQ(engine.devices().size(), forged_luns);
  EXPECT_LT(memory, 100'000'000U);
  EXPECT_LT(time, 20);                 // it takes less than a second
  EXPECT_LT(frames, 2 * forged_luns);  // one each at once, and a thousand repetitions a second
}

// A disk that is there is found and used while the flood goes on.
TEST_F(Flood, ADiskThatIsThereIsUpAtOnce) {
  forge(forged_luns / 2);
  const Address lun{4000, 1};
  engine.on_frame(0, frame_of({port_mac, target_mac, lun, 0}, offer(16, 2)), now, actions);
  const Instant begin = now;
  bool answered = false;
  while (!answered && now - begin < 10s) {
    for (const Transmit& frame : std::exchange(actions.frames, {})) {
      const auto sent = decode(Bytes(frame.head).first(frame.head_size));
      ASSERT_TRUE(sent && sent->body);
      if (sent->header.address != lun) continue;
      std::array<std::uint8_t, identify_size> block;
      build_identify(World::large_disk, block);
      const AtaReply reply{.status = ata::status_drdy, .data = block};
      engine.on_frame(0, frame_of({port_mac, target_mac, lun, sent->header.tag}, reply), now,
                      actions);
      answered = true;
    }
    actions.frames.clear();
    if (answered) break;
    now = std::max(now, engine.deadline());
    engine.tick(now, actions);
  }
  ASSERT_TRUE(answered);
  EXPECT_EQ(engine.find(lun)->state(), DeviceState::up);
  EXPECT_LT(now - begin, 3s);
}

}  // namespace
}  // namespace aoe::initiator
