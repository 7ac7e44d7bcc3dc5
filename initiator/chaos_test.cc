// A session, two cables that lose, double and delay frames, and a target that restarts: in virtual
// time, from a seed. Whatever happens, every request completes exactly once and no byte is wrong;
// once the faults stop, all is well soon.
#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "initiator/session.h"
#include "initiator/test_target.h"
#include "wire/memory_port.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Address disk{7, 3};
constexpr std::size_t disk_sectors = 512;
constexpr std::size_t request_sectors = 8;  // at most
constexpr std::uint16_t buffer_count = 16;
constexpr Parameters parameters{.deadsecs = 6s, .maxout = 12, .discovery_interval = 2s};

/// A sector's content: where it is, and which round wrote it.
std::vector<std::uint8_t> sector_data(std::uint64_t lba, unsigned round) {
  std::vector<std::uint8_t> data(sector_size);
  if (round == 0) return data;
  for (std::size_t i = 0; i < sector_size; ++i) {
    data[i] = static_cast<std::uint8_t>(i % 4 == 0 ? lba : i % 4 == 1 ? lba >> 8 : round + i / 64);
  }
  return data;
}

class Chaos : Session::Observer {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed), session_(parameters, seed, *this) {
    target_.offer = {.buffer_count = buffer_count, .sector_count = 8};
    for (std::size_t i = 0; i < cables_.size(); ++i) {
      Cable& cable = cables_[i];
      const auto octet = static_cast<std::uint8_t>(i);
      cable.link = {.mac = {{2, 0, 0, 0, 1, octet}}, .mtu = 9000, .up = true};
      cable.target_mac = {{2, 0, 0, 0, 2, octet}};
      std::tie(cable.near, cable.far) = MemoryPort::pair(cable.link, {.mtu = 9000});
      session_.attach(*cable.near);
    }
    std::ranges::fill(may_hold_, std::set<unsigned>{0});
    loss_ = random(0, 30);
    duplication_ = random(0, 30);
    delay_max_ = std::chrono::microseconds(1 << random(4, 21));  // to 2 s
  }

  void run() {
    become_up();
    for (unsigned round = 1; round <= 4 && !::testing::Test::HasFailure(); ++round) {
      faults_ = true;
      play(round);
      faults_ = false;
      heal();
      const Instant healed = now_;
      run_until([this] { return requests_.empty(); });
      EXPECT_LE(now_ - healed, parameters.deadsecs + 1s) << "outstanding for too long";
      run_until([this] { return flights_.empty(); });  // what was delayed is of this round
      become_up();
      check_whole_disk();
    }
  }

 private:
  struct Cable {
    Link link;
    Mac target_mac;
    std::unique_ptr<MemoryPort> near;
    std::unique_ptr<MemoryPort> far;
  };
  /// A frame on its way.
  struct Flight {
    Instant at;
    std::uint64_t number;
    PortId cable;
    bool to_target;
    std::vector<std::uint8_t> frame;

    bool operator>(const Flight& other) const {
      return std::tie(at, number) > std::tie(other.at, other.number);
    }
  };
  struct Pending {
    IoRequest io;
    std::vector<std::uint8_t> buffer;
    std::vector<std::set<unsigned>> may_read;  // by sector, when it was submitted
  };

  int random(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  bool happens(int percent) { return faults_ && random(0, 99) < percent; }

  // The network.

  void put_on_the_wire(PortId cable, bool to_target, std::vector<std::uint8_t> frame) {
    for (int copies = happens(duplication_) ? 2 : 1; copies > 0; --copies) {
      if (happens(loss_)) continue;
      const auto delay = happens(20) ? Duration(delay_max_) * random(0, 1000) / 1000 : 50us;
      flights_.push({now_ + delay, ++flight_number_, cable, to_target, frame});
    }
  }

  void deliver(const Flight& flight) {
    Cable& cable = cables_[flight.cable];
    if (!flight.to_target) {
      cable.far->send(std::array{Outgoing{flight.frame, {}}});
      session_.receive(flight.cable, now_);
    } else if (now_ >= target_up_at_) {
      if (auto answer = target_.answer(flight.frame, cable.target_mac)) {
        put_on_the_wire(flight.cable, false, *std::move(answer));
      }
    }
  }

  void collect_sent() {
    for (PortId id = 0; id < cables_.size(); ++id) {
      std::array<Bytes, batch_size> frames;
      while (const std::size_t count = cables_[id].far->receive(frames)) {
        for (const Bytes bytes : std::span(frames).first(count)) {
          const auto frame = decode(bytes);
          ASSERT_TRUE(frame && frame->body);
          if (frame->command == 0) {
            EXPECT_TRUE(tags_.insert(frame->header.tag).second) << "a tag was used twice";
          }
          put_on_the_wire(id, true, {bytes.begin(), bytes.end()});
        }
      }
    }
    if (const Device* device = session_.engine().find(disk)) {
      for (const RemoteTarget& remote : device->remotes()) {
        EXPECT_EQ(remote.window.limit(), std::min(buffer_count, parameters.maxout));
        EXPECT_LE(remote.window.outstanding(), remote.window.limit());
      }
    }
  }

  // Faults.

  void break_something() {
    Cable& cable = cables_[1];
    switch (random(0, 3)) {
      case 0:  // the target restarts; sometimes it is away for longer than deadsecs
        target_up_at_ = std::max(target_up_at_, now_ + std::chrono::milliseconds(random(1, 8000)));
        coming_up_ = true;
        break;
      case 1:
        cable.link.up = !cable.link.up;
        change_link(cable);
        break;
      case 2:
        cable.link.mtu = cable.link.mtu == 9000 ? 1500 : 9000;
        change_link(cable);
        break;
      case 3:  // a card of the target's is replaced
        ++cable.target_mac.octets[4];
        break;
    }
  }

  void change_link(Cable& cable) {
    cable.near->set_link(cable.link);
    session_.link_changed(static_cast<PortId>(&cable - cables_.data()), now_);
  }

  void heal() {
    cables_[1].link.up = true;
    cables_[1].link.mtu = 9000;
    change_link(cables_[1]);
    target_up_at_ = std::min(target_up_at_, now_);
  }

  // Time.

  void step() {
    Instant next = session_.deadline();
    if (!flights_.empty()) next = std::min(next, flights_.top().at);
    if (coming_up_) next = std::min(next, target_up_at_);
    if (faults_) next = std::min(next, next_fault_);
    now_ = std::max(now_, next);

    if (faults_ && now_ >= next_fault_) {
      next_fault_ = now_ + std::chrono::milliseconds(random(1, 3000));
      break_something();
    }
    if (coming_up_ && now_ >= target_up_at_) {
      coming_up_ = false;
      for (PortId id = 0; id < cables_.size(); ++id) {
        put_on_the_wire(id, false, target_.announcement(cables_[id].target_mac));
      }
    }
    while (!flights_.empty() && flights_.top().at <= now_) {
      const Flight flight = flights_.top();
      flights_.pop();
      deliver(flight);
    }
    session_.tick(now_);
    collect_sent();
  }

  template <class Condition>
  void run_until(Condition condition) {
    for (int steps = 0; !condition(); ++steps) {
      ASSERT_LT(steps, 1'000'000) << "no end in sight";
      step();
    }
  }

  // The user.

  void play(unsigned round) {
    round_ = round;
    to_submit_ = 100;
    unwritten_.resize(disk_sectors / request_sectors);
    std::iota(unwritten_.begin(), unwritten_.end(), 0U);
    std::ranges::shuffle(unwritten_, random_);
    for (int i = 0; i < 6; ++i) submit_another();
    run_until([this] { return to_submit_ == 0; });
  }

  void submit_another() {
    if (to_submit_ == 0) return;
    --to_submit_;
    const auto sectors = static_cast<std::size_t>(random(1, request_sectors));
    const int kind = random(0, 20);
    if (kind == 0) {
      submit({.kind = IoKind::flush}, 0);
    } else if (kind < 11 && !unwritten_.empty()) {
      const std::uint64_t lba = unwritten_.back() * request_sectors;
      unwritten_.pop_back();
      submit({.kind = IoKind::write, .lba = lba}, sectors);
    } else {
      const auto lba = static_cast<std::uint64_t>(random(0, disk_sectors - request_sectors));
      submit({.kind = IoKind::read, .lba = lba}, sectors);
    }
  }

  void submit(IoRequest io, std::size_t sectors) {
    const std::uint64_t id = ++last_id_;
    Pending& pending = requests_[id];
    pending.buffer.resize(sectors * sector_size);
    for (std::size_t i = 0; i < sectors; ++i) {
      const std::uint64_t lba = io.lba + i;
      pending.may_read.push_back(may_hold_[lba]);
      if (io.kind != IoKind::write) continue;
      may_hold_[lba].insert(round_);
      std::ranges::copy(sector_data(lba, round_),
                        pending.buffer.begin() + static_cast<std::ptrdiff_t>(i * sector_size));
    }
    io.device = disk;
    io.id = id;
    if (io.kind == IoKind::read) io.into = pending.buffer;
    if (io.kind == IoKind::write) io.from = pending.buffer;
    pending.io = io;
    session_.submit(io, now_);
  }

  void completed(const Completion& completion) override {
    const auto found = requests_.find(completion.id);
    ASSERT_NE(found, requests_.end()) << "completed twice";
    const Pending pending = std::move(found->second);
    requests_.erase(found);
    EXPECT_TRUE(completion.error == IoError::none || completion.error == IoError::device_down)
        << describe(completion);
    if (completion.error == IoError::none) {
      if (pending.io.kind == IoKind::read) check_read(pending);
      if (pending.io.kind == IoKind::write) {
        for (std::size_t i = 0; i < pending.may_read.size(); ++i) {
          may_hold_[pending.io.lba + i] = {round_};
        }
      }
    }
    submit_another();
  }

  void happened(const Event&) override {}

  // What must hold.

  void check_read(const Pending& read) {
    for (std::size_t i = 0; i < read.may_read.size(); ++i) {
      const std::uint64_t lba = read.io.lba + i;
      std::set<unsigned> may_read = read.may_read[i];
      may_read.insert(may_hold_[lba].begin(), may_hold_[lba].end());
      const Bytes data = Bytes(read.buffer).subspan(i * sector_size, sector_size);
      EXPECT_TRUE(std::ranges::any_of(
          may_read,
          [&](unsigned round) { return std::ranges::equal(data, sector_data(lba, round)); }))
          << "sector " << lba;
    }
  }

  void check_whole_disk() {
    for (std::uint64_t lba = 0; lba < disk_sectors; ++lba) {
      const auto data = target_.sectors(lba, 1);
      EXPECT_TRUE(std::ranges::any_of(
          may_hold_[lba], [&](unsigned round) { return data == sector_data(lba, round); }))
          << "sector " << lba;
    }
  }

  void become_up() {
    const Instant from = now_;
    run_until([this] {
      const Device* device = session_.engine().find(disk);
      return device != nullptr && device->state() == DeviceState::up;
    });
    EXPECT_LE(now_ - from, parameters.discovery_interval + 1s);
  }

  std::mt19937_64 random_;
  Instant now_ = Instant(1h);
  bool faults_ = false;
  int loss_;         // percent
  int duplication_;  // percent
  Duration delay_max_;
  Instant next_fault_ = Instant(1h);
  Instant target_up_at_ = Instant(1h);
  bool coming_up_ = false;

  Session session_;
  TestTarget target_{disk, disk_sectors};
  std::array<Cable, 2> cables_;
  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> flights_;
  std::uint64_t flight_number_ = 0;
  std::set<std::uint32_t> tags_;

  unsigned round_ = 0;
  int to_submit_ = 0;
  std::vector<std::uint64_t> unwritten_;  // in this round: each place is written once a round
  std::map<std::uint64_t, Pending> requests_;
  std::uint64_t last_id_ = 0;
  std::array<std::set<unsigned>, disk_sectors> may_hold_;  // by sector: the rounds it may be from
};

TEST(Chaos, EveryRequestCompletesOnceAndNoByteIsWrong) {
  for (std::uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Chaos(seed).run();
  }
}

}  // namespace
}  // namespace aoe::initiator
