// Two disks at one address, behind one bridge, in virtual time and from a seed.
//
// The seed picks what tells them apart: serial number, size, or content alone; which is there
// first, when the other comes up and goes, what frames are lost, doubled and delayed. One user
// reads and writes all along. Whatever happens, the disk that he opened is the one that he reads
// and writes: no sector of the other is ever returned, and nothing is written to it.
//
// AOE_SEED=n plays one seed, AOE_SEEDS=n the first n.
#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "initiator/client/session.h"
#include "initiator/testing/flights.h"
#include "initiator/testing/seeds.h"
#include "initiator/testing/test_target.h"
#include "wire/memory_port.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class TwoDisks {
 public:
  explicit TwoDisks(std::uint64_t seed)
      : random_(seed), session_({.deadsecs = 20s, .discovery_interval = 5s}, seed) {
    for (std::size_t i = 0; i < 2; ++i) {
      Host& host = hosts_[i];
      host.mac = {{2, 0, 0, 0, 2, static_cast<std::uint8_t>(i)}};
      host.target.set_serial("7.3:storage");
      fill(host.target, static_cast<std::uint8_t>(1 + i));
    }
    tell_apart();
    for (Host& host : hosts_) {
      host.original.assign(host.target.disk().begin(), host.target.disk().end());
    }
    loss_ = random(0, 2) == 0 ? 0 : random(0, 20);
    delay_max_ = std::chrono::microseconds(1 << random(4, 17));
    hosts_[static_cast<std::size_t>(random(0, 1))].up = true;
    if (random(0, 2) == 0) hosts_[0].up = hosts_[1].up = true;
    std::tie(near_, far_) = MemoryPort::pair({.mac = {{2, 0, 0, 0, 1, 0}}, .mtu = 1500}, {});
    port_ = session_.attach(*near_, now_);
  }

  void run() {
    const auto is_up = [this] {
      const Device* device = session_.engine().find(the_disk);
      return device != nullptr && device->state() == DeviceState::up;
    };
    run_until([&] { return is_up() || now_ > Instant(1h) + 30s; });
    if (!is_up()) return;  // all was lost
    ASSERT_TRUE(session_.open(the_disk));
    mine_ = member();
    const Instant end = now_ + 40s;
    next_request_ = now_;
    run_until([&] { return now_ >= end; });
    is_over_ = true;
    run_until([this] { return requests_.empty(); });
    const Host& other = hosts_[1 - mine_];
    EXPECT_EQ(other.target.changes(), 0U) << "the other disk was written to";
    EXPECT_TRUE(std::ranges::equal(hosts_[1 - mine_].target.disk(), other.original));
    reads_of_all_ += reads_;
  }

  static inline std::uint64_t reads_of_all_ = 0;

 private:
  static constexpr Address the_disk{7, 3};
  static constexpr std::size_t disk_sectors = 200;
  static constexpr std::uint8_t written = 0x77;

  struct Host {
    Mac mac{};
    TestTarget target{the_disk, disk_sectors};
    std::vector<std::uint8_t> original;
    bool up = false;
  };
  struct Flight {
    std::optional<std::size_t> host;  // to it; none: to the initiator
    std::vector<std::uint8_t> frame;
  };
  struct Pending {
    IoRequest io;
    std::vector<std::uint8_t> buffer;
  };

  int random(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }

  /// Each sector says which disk it is of.
  static void fill(TestTarget& target, std::uint8_t byte) {
    for (std::size_t i = 0; i < target.disk().size(); ++i) {
      target.disk()[i] = static_cast<std::uint8_t>(i % sector_size == 0 ? byte : i / sector_size);
    }
  }

  void tell_apart() {
    switch (random(0, 3)) {
      case 0: hosts_[1].target.set_serial("another"); break;
      case 1: hosts_[1].target.resize(disk_sectors - 1); break;
      case 2: break;  // the content
      case 3:         // nothing: new disks, of the same size, on hosts of the same name
        for (Host& host : hosts_) std::ranges::fill(host.target.disk(), std::uint8_t{0});
        break;
    }
  }

  std::size_t member() const {
    for (const RemoteTarget& remote : session_.engine().find(the_disk)->remotes()) {
      if (remote.is_member()) return remote.mac == hosts_[0].mac ? 0 : 1;
    }
    ADD_FAILURE() << "up, and no member";
    return 0;
  }

  void put_on_the_wire(std::optional<std::size_t> host, std::vector<std::uint8_t> frame) {
    for (int copies = random(0, 19) == 0 ? 2 : 1; copies > 0; --copies) {
      if (random(0, 99) < loss_) continue;
      const auto delay = random(0, 3) == 0 ? delay_max_ * random(0, 1000) / 1000 : 20us;
      flights_.send(now_ + delay, {host, frame});
    }
  }

  void deliver(const Flight& flight) {
    if (!flight.host) {
      far_->send(std::array{Outgoing{flight.frame, {}}});
      session_.receive(port_, now_);
    } else if (Host& host = hosts_[*flight.host]; host.up) {
      if (auto answer = host.target.answer(flight.frame, host.mac)) {
        put_on_the_wire(std::nullopt, *std::move(answer));
      }
    }
  }

  void step() {
    now_ = std::max(
        now_, std::min({session_.deadline(), next_change_, next_request_, flights_.arrival()}));
    if (now_ >= next_change_) {
      next_change_ = now_ + std::chrono::milliseconds(random(100, 6000));
      const auto which = static_cast<std::size_t>(random(0, 1));
      Host& host = hosts_[which];
      host.up = !host.up;
      if (host.up) put_on_the_wire(std::nullopt, host.target.announcement(host.mac));
    }
    if (now_ >= next_request_) {
      next_request_ = is_over_ ? never : now_ + 20ms;
      for (int i = 0; i < 4 && requests_.size() < 8; ++i) submit();
    }
    while (const auto flight = flights_.land(now_)) deliver(*flight);
    session_.tick(now_);
    std::array<Bytes, batch_size> frames;
    while (const std::size_t count = far_->receive(frames)) {
      for (const Bytes bytes : std::span(frames).first(count)) {
        for (const std::size_t host : {0U, 1U}) {
          put_on_the_wire(host, {bytes.begin(), bytes.end()});
        }
      }
    }
  }

  template <class Condition>
  void run_until(Condition condition) {
    for (int steps = 0; !condition() && !::testing::Test::HasFatalFailure(); ++steps) {
      ASSERT_LT(steps, 1'000'000) << "no end in sight";
      step();
    }
  }

  void submit() {
    if (is_over_) return;
    const std::uint64_t id = ++last_id_;
    Pending& pending = requests_[id];
    const auto sectors = static_cast<std::size_t>(random(1, 8));
    pending.buffer.assign(sectors * sector_size, written);
    pending.io = {.kind = random(0, 2) == 0 ? IoKind::write : IoKind::read,
                  .device = the_disk,
                  .lba = static_cast<std::uint64_t>(random(0, 190))};
    (pending.io.kind == IoKind::write ? pending.io.from = pending.buffer
                                      : pending.io.into = pending.buffer);
    session_.submit(
        pending.io, [this, id](const Completion& done) { completed(id, done); }, now_);
  }

  void completed(std::uint64_t id, const Completion& completion) {
    const Pending pending = std::move(requests_.at(id));
    requests_.erase(id);
    if (completion.error == IoError::device_down) is_over_ = true;  // and it stays so, being open
    if (completion.error == IoError::none && pending.io.kind == IoKind::read) {
      ++reads_;
      for (std::size_t at = 0; at < pending.buffer.size(); at += sector_size) {
        const std::uint8_t first = pending.buffer[at];
        const auto own = static_cast<std::uint8_t>(hosts_[mine_].original[0]);
        ASSERT_TRUE(first == own || first == written)
            << "sector " << pending.io.lba + at / sector_size << " is the other disk's";
      }
    }
  }

  std::mt19937_64 random_;
  Instant now_ = Instant(1h);
  Instant next_change_ = Instant(1h) + 1ms;
  Instant next_request_ = never;
  int loss_ = 0;  // percent
  Duration delay_max_{};
  bool is_over_ = false;
  std::size_t mine_ = 0;

  Session session_;
  std::array<Host, 2> hosts_;
  std::unique_ptr<MemoryPort> near_;
  std::unique_ptr<MemoryPort> far_;
  PortId port_ = 0;
  Flights<Flight> flights_;
  std::map<std::uint64_t, Pending> requests_;
  std::uint64_t last_id_ = 0;
  std::uint64_t reads_ = 0;
};

TEST(TwoDisksAtOneAddress, AreNeverMixed) {
  over_seeds(30, [](std::uint64_t seed) { TwoDisks(seed).run(); });
  EXPECT_GT(TwoDisks::reads_of_all_, seeds(30).count);  // it was about something
}

}  // namespace
}  // namespace aoe::initiator
