// A session, two cables, and a target, in virtual time and from a seed: an hour of faults of the
// mixture that the seed picks. Frames are lost, doubled, delayed and forged; cards are replaced,
// links go down and change their MTU, a path dies in silence and in one direction; the target
// restarts, for shorter or longer than deadsecs, with another Sector Count or another size; users
// open, close and cancel.
//
// All along: every request completes exactly once, and what is read is what the requests submitted
// before it left, in their order; windows keep to their limits; no tag is used twice. Once a minute
// everything heals: then all requests must end soon, the device must be up, and the disk must hold
// what the completed writes say.
//
// AOE_SEED=n plays one seed, AOE_SEEDS=n the first n.
#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <unordered_set>

#include <gtest/gtest.h>

#include "initiator/client/session.h"
#include "initiator/testing/flights.h"
#include "initiator/testing/seeds.h"
#include "initiator/testing/test_target.h"
#include "wire/memory_port.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Address the_disk{7, 3};
constexpr std::size_t disk_sectors = 96;     // few, so that requests overlap
constexpr std::size_t request_sectors = 20;  // at most
constexpr std::uint16_t buffer_count = 16;
constexpr Duration hour = 1h;

/// Each write and trim is a version of the sectors that it covers: told apart by their first bytes.
/// 0 is a sector of zeros.
using Version = std::uint32_t;

void fill_sector(MutableBytes sector, std::uint64_t lba, Version version) {
  std::ranges::fill(sector, static_cast<std::uint8_t>(version == 0 ? 0 : version + lba));
  for (std::size_t i = 0; i < sizeof version; ++i) {
    sector[i] = static_cast<std::uint8_t>(version >> (8 * i));
  }
}

/// The version that a whole sector is of, if it is.
std::optional<Version> version_of(Bytes sector, std::uint64_t lba) {
  Version version = 0;
  for (std::size_t i = sizeof version; i-- > 0;) version = version << 8 | sector[i];
  std::array<std::uint8_t, sector_size> whole;
  fill_sector(whole, lba, version);
  if (!std::ranges::equal(sector, whole)) return std::nullopt;
  return version;
}

/// What one sector may hold.
class SectorHistory {
 public:
  /// A copy of a write may be under way for so long after the write was complete.
  void completed(Version version, bool done, Instant now, Duration stale) {
    if (done) {
      std::erase_if(maybe_, [&](const Entry& entry) {
        return stale == Duration(0) || entry.completed + stale < now;
      });
    }
    maybe_.push_back({version, now});
  }
  bool may_hold(Version version) const {
    return std::ranges::find(maybe_, version, &Entry::version) != maybe_.end();
  }

 private:
  struct Entry {
    Version version;
    Instant completed;
  };
  std::vector<Entry> maybe_ = {{0, Instant::min()}};
};

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed)
      : random_(seed), parameters_(pick_parameters()), session_(parameters_, seed) {
    target_.offer = {.buffer_count = buffer_count, .sector_count = 8};
    for (std::size_t i = 0; i < cables_.size(); ++i) {
      Cable& cable = cables_[i];
      const auto octet = static_cast<std::uint8_t>(i);
      cable.link = {.mac = {{2, 0, 0, 0, 1, octet}}, .mtu = 9000, .up = true};
      cable.target_mac = {{2, 0, 0, 0, 2, octet}};
      std::tie(cable.near, cable.far) = MemoryPort::pair(cable.link, {.mtu = 9000});
      cable.id = session_.attach(*cable.near, now_);
    }
    loss_ = happens_at_all() ? random(0, 30) : 0;
    duplication_ = happens_at_all() ? random(0, 30) : 0;
    forgery_ = happens_at_all() ? random(0, 20) : 0;
    delay_max_ = std::chrono::microseconds(1 << random(4, 21));  // to 2 s
    // A copy that travels for longer than a range is held may come after the next write.
    stale_ = delay_max_ < 90ms ? Duration(0) : parameters_.deadsecs + 2 * delay_max_;
  }

  void run() {
    const Instant end = now_ + hour;
    become_up();
    while (now_ < end && !::testing::Test::HasFailure()) {
      const Instant minute = now_ + 1min;
      faults_ = true;
      play();
      faults_ = false;
      heal();
      const Instant healed = now_;
      run_until([this] { return requests_.empty(); });
      EXPECT_LE(now_ - healed, patience()) << "outstanding for too long";
      run_until([this] { return flights_.empty(); });
      become_up();
      run_until([&] { return now_ >= minute; });
      check_whole_disk();
    }
  }

 private:
  struct Cable {
    Link link;
    Mac target_mac;
    PortId id = 0;
    std::unique_ptr<MemoryPort> near;
    std::unique_ptr<MemoryPort> far;
    bool dead_to_target = false;
    bool dead_to_initiator = false;
  };
  /// A frame on its way.
  struct Flight {
    std::size_t cable;
    bool to_target;
    std::vector<std::uint8_t> frame;
  };
  struct Pending {
    IoRequest io;
    std::vector<std::uint8_t> buffer;
    std::size_t sectors = 0;
    Version version = 0;
    std::uint64_t session_id = 0;
  };

  int random(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  bool happens_at_all() { return random(0, 2) > 0; }
  bool happens(int percent) { return faults_ && random(0, 99) < percent; }

  Parameters pick_parameters() {
    return {.deadsecs = 6s,
            .maxout = 12,
            .discovery_interval = 10s,
            .profile = random(0, 3) == 0 ? Profile::linux_driver : Profile::rfc6298,
            .early_retransmission = random(0, 3) > 0};
  }
  /// A request may wait for another of the same sectors, which may take deadsecs, and for its late
  /// copies, and may then take deadsecs itself, where a MAC address went away meanwhile. The driver's
  /// first timeout alone is more than 16 s.
  Duration patience() const {
    return parameters_.profile == Profile::linux_driver ? Duration(60s)
                                                        : Duration(2 * parameters_.deadsecs + 2s);
  }

  // The network.

  void put_on_the_wire(std::size_t cable, bool to_target, std::vector<std::uint8_t> frame) {
    if (to_target ? cables_[cable].dead_to_target : cables_[cable].dead_to_initiator) return;
    const auto delay = happens(20) ? delay_max_ * random(0, 1000) / 1000 : 50us;
    for (int copies = happens(duplication_) ? 2 : 1; copies > 0; --copies) {
      if (happens(loss_)) continue;
      flights_.send(now_ + delay, {cable, to_target, frame});
    }
    if (!to_target && happens(forgery_)) {
      flights_.send(now_ + delay, {cable, to_target, forge(std::move(frame))});
    }
  }

  /// Nothing of this may be taken for an answer.
  std::vector<std::uint8_t> forge(std::vector<std::uint8_t> frame) {
    constexpr std::size_t source = 6;
    constexpr std::size_t slot = 18;
    constexpr std::size_t command = 19;
    constexpr std::size_t tag = 20;
    switch (random(0, 4)) {
      case 0: frame[tag + 1] ^= 0x55; break;
      case 1: frame[slot] = frame[command] == 0 ? 9 : 0xff; break;
      case 2: frame[source] = frame[command] == 0 ? 6 : 0xff; break;
      case 3: frame.resize(std::min<std::size_t>(frame.size(), 31)); break;
      case 4:
        std::ranges::generate(frame, [this] { return static_cast<std::uint8_t>(random(0, 255)); });
        break;
    }
    return frame;
  }

  void deliver(const Flight& flight) {
    Cable& cable = cables_[flight.cable];
    if (!flight.to_target) {
      cable.far->send(std::array{Outgoing{flight.frame, {}}});
      session_.receive(cable.id, now_);
    } else if (now_ >= target_up_at_) {
      if (auto answer = target_.answer(flight.frame, cable.target_mac)) {
        put_on_the_wire(flight.cable, false, *std::move(answer));
      }
    }
  }

  void collect_sent() {
    for (std::size_t i = 0; i < cables_.size(); ++i) {
      std::array<Bytes, batch_size> frames;
      while (const std::size_t count = cables_[i].far->receive(frames)) {
        for (const Bytes bytes : std::span(frames).first(count)) {
          const auto frame = decode(bytes);
          ASSERT_TRUE(frame && frame->body);
          if (frame->command == 0) {
            EXPECT_TRUE(tags_.insert(frame->header.tag).second) << "a tag was used twice";
          }
          put_on_the_wire(i, true, {bytes.begin(), bytes.end()});
        }
      }
    }
    if (const Device* device = session_.engine().find(the_disk)) {
      for (const RemoteTarget& remote : device->remotes()) {
        ASSERT_EQ(remote.window.limit(), std::min(buffer_count, parameters_.maxout));
        ASSERT_LE(remote.window.outstanding(), remote.window.limit());
      }
    }
  }

  // Faults.

  void break_something() {
    Cable& cable = cables_[1];
    switch (random(0, 7)) {
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
      case 4: cable.dead_to_target = !cable.dead_to_target; break;
      case 5: cable.dead_to_initiator = !cable.dead_to_initiator; break;
      case 6:  // another program takes the target's place
        target_.offer.sector_count = static_cast<std::uint8_t>(random(1, 8));
        coming_up_ = true;
        break;
      case 7: target_.resize(disk_sectors + static_cast<std::size_t>(random(0, 5))); break;
    }
  }

  void change_link(Cable& cable) {
    cable.near->set_link(cable.link);
    session_.link_changed(cable.id, now_);
  }

  /// The user pulls a card and puts in another.
  void replace_port() {
    Cable& cable = cables_[1];
    session_.detach(cable.id, now_);
    ++cable.link.mac.octets[4];
    std::tie(cable.near, cable.far) = MemoryPort::pair(cable.link, {.mtu = 9000});
    cable.id = session_.attach(*cable.near, now_);
  }

  void heal() {
    for (Cable& cable : cables_) cable.dead_to_target = cable.dead_to_initiator = false;
    cables_[1].link.up = true;
    cables_[1].link.mtu = 9000;
    change_link(cables_[1]);
    target_up_at_ = std::min(target_up_at_, now_);
    for (; users_ > 0; --users_) session_.call(now_, &Engine::close, the_disk);
  }

  // Time.

  void step() {
    Instant next = std::min(session_.deadline(), flights_.arrival());
    if (coming_up_) next = std::min(next, target_up_at_);
    if (faults_) next = std::min(next, next_fault_);
    now_ = std::max(now_, next);

    if (faults_ && now_ >= next_fault_) {
      next_fault_ = now_ + std::chrono::milliseconds(random(1, 3000));
      random(0, 9) == 0 ? replace_port() : break_something();
    }
    if (coming_up_ && now_ >= target_up_at_) {
      coming_up_ = false;
      for (std::size_t i = 0; i < cables_.size(); ++i) {
        put_on_the_wire(i, false, target_.announcement(cables_[i].target_mac));
      }
    }
    while (const auto flight = flights_.land(now_)) deliver(*flight);
    session_.tick(now_);
    collect_sent();
  }

  template <class Condition>
  void run_until(Condition condition) {
    for (int steps = 0; !condition() && !::testing::Test::HasFatalFailure(); ++steps) {
      ASSERT_LT(steps, 1'000'000) << "no end in sight";
      step();
    }
  }

  // The user.

  void play() {
    to_submit_ = 25;
    for (int i = 0; i < 6; ++i) submit_another();
    run_until([this] { return to_submit_ == 0; });
  }

  void submit_another() {
    if (to_submit_ == 0) return;
    --to_submit_;
    const auto sectors = static_cast<std::size_t>(random(1, request_sectors));
    const auto lba = static_cast<std::uint64_t>(random(0, disk_sectors - request_sectors));
    switch (random(0, 20)) {
      case 0: submit(IoKind::flush, 0, 0); break;
      case 1: submit(IoKind::trim, lba, sectors); break;
      case 2:
        users_ += session_.open(the_disk);
        submit(IoKind::read, lba, sectors);
        break;
      case 3:
        if (users_ > 0) session_.call(now_, &Engine::close, the_disk), --users_;
        submit(IoKind::read, lba, sectors);
        break;
      case 4:
        session_.call(now_, &Engine::revalidate, the_disk);
        submit(IoKind::write, lba, sectors);
        break;
      case 5: submit(IoKind::write, lba, sectors), cancel_something(); break;
      default: submit(random(0, 1) == 0 ? IoKind::read : IoKind::write, lba, sectors); break;
    }
  }

  void submit(IoKind kind, std::uint64_t lba, std::size_t sectors) {
    const std::uint64_t id = ++last_id_;
    Pending& pending = requests_[id];
    pending.sectors = sectors;
    pending.buffer.resize(sectors * sector_size);
    pending.io = {.kind = kind, .device = the_disk, .lba = lba};
    if (kind == IoKind::write) {
      pending.version = ++last_version_;
      for (std::size_t i = 0; i < sectors; ++i) {
        fill_sector(MutableBytes(pending.buffer).subspan(i * sector_size, sector_size), lba + i,
                    pending.version);
      }
      pending.io.from = pending.buffer;
    } else if (kind == IoKind::read) {
      pending.io.into = pending.buffer;
    } else {
      pending.io.sectors = sectors;
    }
    const auto done = [this, id](const Completion& completion) { completed(id, completion); };
    const std::uint64_t session_id = session_.submit(pending.io, done, now_);
    // It may have completed at once.
    const auto submitted = requests_.find(id);
    if (submitted != requests_.end()) submitted->second.session_id = session_id;
  }

  void cancel_something() {
    if (requests_.empty()) return;
    const auto which = random(0, static_cast<int>(requests_.size()) - 1);
    // It may be completing at this very moment.
    session_.cancel(std::next(requests_.begin(), which)->second.session_id, now_);
  }

  void completed(std::uint64_t id, const Completion& completion) {
    const auto found = requests_.find(id);
    ASSERT_NE(found, requests_.end()) << "completed twice";
    const Pending pending = std::move(found->second);
    requests_.erase(found);
    // A target that takes less than it did may not have been heard to say so.
    const bool refused =
        completion.error == IoError::aoe_error && completion.aoe_error == ErrorCode::bad_argument;
    EXPECT_TRUE(completion.error == IoError::none || completion.error == IoError::device_down ||
                completion.error == IoError::cancelled || refused)
        << describe(completion);
    const bool done = completion.error == IoError::none;
    for (std::size_t i = 0; i < pending.sectors; ++i) {
      const std::uint64_t lba = pending.io.lba + i;
      if (pending.io.kind != IoKind::read) {
        history_[lba].completed(pending.version, done, now_, stale_);
      } else if (done) {
        check(Bytes(pending.buffer).subspan(i * sector_size, sector_size), lba);
      }
    }
    submit_another();
  }

  // What must hold.

  void check(Bytes sector, std::uint64_t lba) {
    const auto version = version_of(sector, lba);
    ASSERT_TRUE(version.has_value()) << "sector " << lba << " holds what nobody wrote";
    ASSERT_TRUE(history_[lba].may_hold(*version)) << "sector " << lba << ", version " << *version;
  }

  void check_whole_disk() {
    for (std::uint64_t lba = 0; lba < disk_sectors; ++lba) check(target_.sectors(lba, 1), lba);
  }

  void become_up() {
    const Instant from = now_;
    run_until([this] {
      const Device* device = session_.engine().find(the_disk);
      return device != nullptr && device->state() == DeviceState::up;
    });
    EXPECT_LE(now_ - from, parameters_.discovery_interval + patience());
  }

  std::mt19937_64 random_;
  const Parameters parameters_;
  Instant now_ = Instant(1h);
  bool faults_ = false;
  int loss_;         // percent
  int duplication_;  // percent
  int forgery_;      // percent
  Duration delay_max_;
  Duration stale_;
  Instant next_fault_ = Instant(1h);
  Instant target_up_at_ = Instant(1h);
  bool coming_up_ = false;

  Session session_;
  TestTarget target_{the_disk, disk_sectors};
  std::array<Cable, 2> cables_;
  Flights<Flight> flights_;
  std::unordered_set<std::uint32_t> tags_;

  int to_submit_ = 0;
  int users_ = 0;
  std::map<std::uint64_t, Pending> requests_;
  std::uint64_t last_id_ = 0;
  Version last_version_ = 0;
  std::array<SectorHistory, disk_sectors> history_;
};

TEST(Chaos, EveryRequestCompletesOnceAndNoByteIsWrong) {
  over_seeds(5, [](std::uint64_t seed) { Chaos(seed).run(); });
}

}  // namespace
}  // namespace aoe::initiator
