// In steady state nothing is allocated for a request, a command or a frame.

#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "base/testing/counted_new.h"
#include "initiator/client/session.h"
#include "initiator/testing/test_target.h"
#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Mac card{{2, 0, 0, 0, 2, 1}};

/// A port that keeps what is sent, in places that are used again.
class Basket final : public FramePort {
 public:
  Basket() {
    for (auto* frames : {&sent, &arriving}) frames->resize(1000, Buffer(1514));
  }

  std::size_t receive(std::span<Bytes> frames) override {
    const std::size_t count = std::min(frames.size(), arriving_count - received);
    for (Bytes& frame : frames.first(count)) frame = arriving[received++];
    if (count == 0) arriving_count = received = 0;
    return count;
  }
  void send(std::span<const Outgoing> frames) override {
    for (const Outgoing& frame : frames) {
      Buffer& buffer = sent.at(sent_count++);
      buffer.assign(frame.head.begin(), frame.head.end());
      buffer.insert(buffer.end(), frame.data.begin(), frame.data.end());
    }
  }
  int descriptor() const override { return -1; }
  Link link() const override { return {.mac = port_mac, .mtu = 1500}; }
  PortCounters counters() const override { return {}; }

  using Buffer = std::vector<std::uint8_t>;
  std::vector<Buffer> sent;
  std::size_t sent_count = 0;
  std::vector<Buffer> arriving;
  std::size_t arriving_count = 0;
  std::size_t received = 0;
};

class AllocationTest : public ::testing::Test {
 protected:
  AllocationTest() {
    target.offer = {.buffer_count = 64, .sector_count = 2};
    session.attach(port, now);
    while (exchange() > 0) {
    }
  }

  /// The target takes what has arrived, but for one frame in `loses`, and the session what it
  /// answers. The target's own allocations do not count.
  std::size_t exchange(unsigned loses = 0) {
    const std::size_t count = std::exchange(port.sent_count, 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (loses > 0 && ++seen % loses == 0) continue;
      if (auto answer = target.answer(port.sent[i], card)) {
        port.arriving[port.arriving_count++] = *std::move(answer);
      }
    }
    const std::size_t before = allocations();
    now += 100us;
    session.receive(0, now);
    session.tick(now);
    counted += allocations() - before;
    return count;
  }

  /// Requests that overlap now and then, of every kind.
  void work(unsigned requests, unsigned loses) {
    for (unsigned i = 0; i < requests; ++i) {
      while (outstanding >= 32) exchange(loses);
      const std::uint64_t lba = random() % 900;
      IoRequest io{.kind = static_cast<IoKind>(i % 4), .device = disk, .lba = lba};
      io.into = MutableBytes(buffer).first(sector_size * (1 + i % 16));
      io.from = io.into;
      io.sectors = 1;
      ++outstanding;
      const std::size_t before = allocations();
      session.submit(
          io, [this](const Completion& completion) { completed(completion); }, now);
      counted += allocations() - before;
    }
    while (outstanding > 0) exchange(loses);
  }

  void completed(const Completion& completion) {
    EXPECT_EQ(completion.error, IoError::none) << describe(completion);
    --outstanding;
  }

  Instant now = Instant(1h);
  std::minstd_rand random;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(16 * sector_size);
  TestTarget target{disk, 1000};
  Basket port;
  Session session{{.discovery_interval = 0s}, 1};
  unsigned outstanding = 0;
  unsigned seen = 0;
  std::size_t counted = 0;
};

TEST_F(AllocationTest, NoneOnceAllPlacesHaveBeenUsed) {
  work(6000, 0);
  EXPECT_GT(counted, 0U);  // places for requests, commands and frames
  counted = 0;
  work(2000, 0);
  EXPECT_EQ(counted, 0U);
}

TEST_F(AllocationTest, NoneForWhatIsSentAgain) {
  // Some places are seldom used by a trim, which then gets its block.
  int rounds_without = 0;
  for (int round = 0; round < 200 && rounds_without < 3; ++round) {
    counted = 0;
    work(2000, 50);
    rounds_without = counted == 0 ? rounds_without + 1 : 0;
  }
  EXPECT_EQ(rounds_without, 3);
}

}  // namespace
}  // namespace aoe::initiator
