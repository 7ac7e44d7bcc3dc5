// A service under an hour of virtual time in which everything goes wrong that may: stores that are
// late, out of order, failing, or gone for a while; a keeper of state that is slow and fails;
// frames that are duplicated, reordered and damaged; ports that go and come back; LUNs that are
// removed, changed and added again.
//
// All along: each reply answers one request frame that was sent, and is the only one to it; data
// that is read is what some order of the operations in flight leaves; a reply that says that
// something was set follows the keeper's word. Once a minute everything heals: every request must
// then have ended, the counters add up, and the disks hold what the acknowledged writes say.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "proto/trim.h"
#include "target/service/service.h"
#include "target/store/trim_ranges.h"
#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t disk_sectors = 48;
constexpr std::size_t disk_count = 4;
constexpr std::size_t port_count = 3;
constexpr Duration hour = 1h;

const std::vector<Mac> client_macs = numbered_macs(4);
/// Refused by the LUNs' administrator: nothing that it sends may have an effect.
const Mac denied_mac = numbered_mac(9);

std::vector<std::uint32_t> chosen_seeds() {
  const char* const text = std::getenv("AOE_SEED");
  if (text == nullptr) return {1, 2};
  return {static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0))};
}

/// What happens later, and chance: the same for the same seed.
class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {}

  Instant now() const { return now_; }
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  Duration up_to(std::chrono::milliseconds most) {
    return std::chrono::microseconds(below(static_cast<std::size_t>(most.count()) * 1000));
  }
  void after(Duration delay, std::function<void()> what) {
    events_.emplace(now_ + delay, std::move(what));
  }
  void run_until(Instant end) {
    while (!events_.empty() && events_.begin()->first <= end) run_next();
    now_ = end;
  }
  void run_all() {
    while (!events_.empty()) run_next();
  }

 private:
  void run_next() {
    auto node = events_.extract(events_.begin());
    now_ = node.key();
    node.mapped()();
  }

  Instant now_{1s};
  std::multimap<Instant, std::function<void()>> events_;
  std::mt19937 random_;
};

/// A store whose operations take effect at one instant, end at another, and may fail halfway.
class LateStore final : public Store {
 public:
  enum class Habit { all_late, reads_immediate, all_immediate };

  LateStore(World& world, Habit habit)
      : world_(world), habit_(habit), bytes_(disk_sectors * sector_size) {}

  std::uint64_t size() const override { return bytes_.size(); }
  StoreTraits traits() const override { return {512, true, true}; }
  bool is_immediate(Operation::Kind kind) const {
    return habit_ == Habit::all_immediate ||
           (habit_ == Habit::reads_immediate && kind == Operation::Kind::read);
  }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) override {
    if (!is_immediate(Operation::Kind::read)) return std::nullopt;
    if (is_ill()) return Bytes{};
    return Bytes(bytes_).subspan(offset, size);
  }

  std::optional<std::error_code> try_now(const Operation& operation) override {
    if (!is_immediate(operation.kind)) return std::nullopt;
    const auto error = next_error();
    affect(operation, error);
    return error;
  }
  void start(Operation& operation) override {
    if (const auto result = try_now(operation)) return operation.done(*result);
    EXPECT_LT(in_flight(), operations_max) << "more operations than the LUN may have in flight";
    unsubmitted_.push_back(&operation);
  }
  void submit() override {
    for (Operation* const operation : std::exchange(unsubmitted_, {})) {
      const std::uint64_t id = next_id_++;
      pending_[id] = {operation, next_error()};
      const Duration until_effect = world_.up_to(world_.chance(5) ? 3000ms : 300ms);
      world_.after(until_effect, [this, id] { affect(id); });
      world_.after(until_effect + world_.up_to(300ms), [this, id] {
        if (finish(id)) on_finished();
      });
    }
  }
  void wait() override {
    ASSERT_FALSE(pending_.empty()) << "a wait for nothing";
    finish(pending_.begin()->first);
  }

  std::size_t in_flight() const { return unsubmitted_.size() + pending_.size(); }
  Bytes bytes() const { return bytes_; }

  std::size_t operations_max = 0;
  std::size_t failing_percent = 0;
  bool gone = false;
  std::function<void()> on_finished;

 private:
  struct Pending {
    Operation* operation;
    std::error_code error;
    bool affected = false;
  };

  bool is_ill() const { return gone || failing_percent > 0; }
  std::error_code next_error() {
    if (gone) return std::make_error_code(std::errc::no_such_device);
    if (world_.chance(failing_percent)) return std::make_error_code(std::errc::io_error);
    return {};
  }
  void affect(std::uint64_t id) {
    const auto found = pending_.find(id);
    if (found == pending_.end() || found->second.affected) return;
    found->second.affected = true;
    affect(*found->second.operation, found->second.error);
  }
  void affect(const Operation& operation, std::error_code error) {
    switch (operation.kind) {
      case Operation::Kind::read:
        std::ranges::copy(Bytes(bytes_).subspan(operation.offset, operation.into.size()),
                          operation.into.begin());
        if (error) std::ranges::fill(operation.into, std::uint8_t{0xee});
        break;
      case Operation::Kind::write: {
        const std::size_t sectors = operation.from.size() / sector_size;
        const std::size_t done = error ? world_.below(sectors + 1) : sectors;
        std::ranges::copy(operation.from.first(done * sector_size),
                          MutableBytes(bytes_).subspan(operation.offset).begin());
        break;
      }
      case Operation::Kind::flush: break;
      case Operation::Kind::trim:
        if (error) break;
        TrimRanges ranges(operation.from);
        while (const auto range = ranges.next()) {
          std::ranges::fill(MutableBytes(bytes_).subspan(range->offset, range->length),
                            std::uint8_t{0});
        }
        break;
    }
  }
  /// False: it was waited for before.
  bool finish(std::uint64_t id) {
    affect(id);
    const auto node = pending_.extract(id);
    if (node.empty()) return false;
    node.mapped().operation->done(node.mapped().error);
    return true;
  }

  World& world_;
  const Habit habit_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Operation*> unsubmitted_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_id_ = 0;
};

/// Saves in the order in which it was asked, some at once, some with an error.
class SlowKeeper final : public StateKeeper {
 public:
  explicit SlowKeeper(World& world) : world_(world) {}

  void save(Address lun, const LunState& state, Done done) override {
    const bool fails = world_.chance(failing_percent);
    auto end = [this, lun, state, fails, number = ++saves_begun, done = std::move(done)] {
      --waiting_;
      if (!fails) stable[lun].push_back({number, state});
      done(fails ? std::make_error_code(std::errc::no_space_on_device) : std::error_code{});
    };
    if (waiting_++ == 0 && world_.chance(20)) return end();
    last_ = std::max(last_, world_.now()) + world_.up_to(200ms);
    world_.after(last_ - world_.now(), std::move(end));
  }

  struct Saved {
    std::uint64_t number;  // of all saves, by their beginnings
    LunState state;
  };
  /// What has been stable, in order.
  std::map<Address, std::vector<Saved>> stable;
  std::uint64_t saves_begun = 0;
  bool is_idle() const { return waiting_ == 0; }
  std::size_t failing_percent = 0;

 private:
  World& world_;
  Instant last_{};
  int waiting_ = 0;
};

/// What one sector may hold, by the requests and replies that were seen. Ticks count those.
class SectorHistory {
 public:
  using Tick = std::uint64_t;
  static constexpr Tick not_yet = ~Tick{0};

  void write_begins(std::uint64_t request, std::uint64_t value, Tick now) {
    versions_.push_back({request, value, now, not_yet, false});
  }
  void write_is_acknowledged(std::uint64_t request, Tick now) {
    for (Version& version : versions_) {
      if (version.request == request) version.ended = now, version.acknowledged = true;
    }
  }
  void write_is_refused(std::uint64_t request) {
    std::erase_if(versions_, [&](const Version& each) { return each.request == request; });
  }
  /// May a read that began then give this?
  bool may_be(std::uint64_t value, Tick read_began) const {
    return std::ranges::any_of(versions_, [&](const Version& each) {
      return each.value == value && !is_overwritten(each, read_began);
    });
  }
  /// Nothing is in flight, and this is what the sector holds.
  void settle(std::uint64_t value, Tick now) { versions_ = {{0, value, now, now, true}}; }

 private:
  struct Version {
    std::uint64_t request = 0;
    std::uint64_t value = 0;
    Tick begun = 0;
    Tick ended = 0;
    bool acknowledged = true;  // it surely took effect
  };

  bool is_overwritten(const Version& version, Tick before) const {
    return std::ranges::any_of(versions_, [&](const Version& later) {
      return later.acknowledged && version.ended < later.begun && later.ended < before;
    });
  }

  std::vector<Version> versions_{Version{}};
};

/// A number for a sector's bytes: 0 for zeros.
std::uint64_t value_of(Bytes sector) {
  std::uint64_t value = 0;
  std::array<std::uint64_t, sector_size / 8> words;
  std::memcpy(words.data(), sector.data(), sector_size);
  for (const std::uint64_t word : words) {
    value = (value ^ word) * 0x9e3779b97f4a7c15;
    value ^= value >> 29;
  }
  return value;
}

/// A port of which the test is the wire.
class WirePort final : public FramePort {
 public:
  using Hears = std::function<void(Bytes frame)>;
  WirePort(World& world, Link link, Hears received, Hears sent)
      : world_(world), link_(link), received_(std::move(received)), sent_(std::move(sent)) {}

  std::size_t receive(std::span<Bytes> frames) override {
    handed_out_.clear();
    while (!arrived.empty() && handed_out_.size() < frames.size()) {
      handed_out_.push_back(std::move(arrived.front()));
      arrived.pop_front();
      received_(handed_out_.back());
    }
    std::ranges::copy(handed_out_, frames.begin());
    return handed_out_.size();
  }
  void send(std::span<const Outgoing> frames) override {
    EXPECT_TRUE(open) << "a frame for a port that is gone";
    for (const Outgoing& frame : frames) {
      if (frame.unreadable != nullptr && world_.chance(5)) {
        *frame.unreadable = true;
        ++unreadable;
        continue;
      }
      std::vector<std::uint8_t> whole(frame.head.begin(), frame.head.end());
      whole.insert(whole.end(), frame.data.begin(), frame.data.end());
      sent_(whole);
    }
  }
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return {}; }
  void set_mtu(std::uint16_t mtu) { link_.mtu = mtu; }
  void set_up(bool up) { link_.up = up; }

  bool open = true;
  std::deque<std::vector<std::uint8_t>> arrived;
  std::uint64_t unreadable = 0;

 private:
  World& world_;
  Link link_;
  const Hears received_;
  const Hears sent_;
  std::vector<std::vector<std::uint8_t>> handed_out_;
};

/// The sectors that a request may change, each with the value that it may get.
std::vector<std::pair<std::uint64_t, std::uint64_t>> changes_of(const Frame& request) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> changes;
  const auto* ata = request.body ? std::get_if<AtaRequest>(&*request.body) : nullptr;
  if (ata == nullptr || !ata->flags.write) return changes;
  if (ata::kind(ata->opcode) == ata::Kind::write) {
    for (std::uint64_t i = 0; i < ata->sectors && ata->lba + i < disk_sectors; ++i) {
      changes.emplace_back(ata->lba + i, value_of(ata->data.subspan(i * sector_size, sector_size)));
    }
  } else if (ata->opcode == ata::Opcode::data_set_management) {
    const TrimList ranges(ata->data);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (std::uint64_t lba = ranges[i].lba;
           lba < std::min(disk_sectors, ranges[i].lba + ranges[i].sectors); ++lba) {
        changes.emplace_back(lba, 0);
      }
    }
  }
  return changes;
}

class Chaos {
 public:
  explicit Chaos(std::uint32_t seed) : world_(seed), keeper_(world_) {
    service_.on_trouble([this](ServedLun&, const PendingReply&, std::error_code) { ++troubles_; });
    for (std::size_t i = 0; i < disk_count; ++i) {
      constexpr LateStore::Habit habits[disk_count] = {
          LateStore::Habit::all_late, LateStore::Habit::reads_immediate,
          LateStore::Habit::all_immediate, LateStore::Habit::all_late};
      Disk& disk = disks_[i];
      auto store = std::make_unique<LateStore>(world_, habits[i]);
      store->on_finished = [this] {
        if (world_.chance(75)) service_.settle();
      };
      disk.options.address = {7, static_cast<std::uint8_t>(i)};
      disk.options.sectors = disk_sectors;
      disk.options.disk = store->traits();
      disk.options.access.deny = {denied_mac};
      disk.store = store.get();
      disk.outside = std::move(store);
      disk.sectors.resize(disk_sectors);
      add(disk);
    }
    for (std::size_t i = 0; i < port_count; ++i) open(i);
  }

  LunCounters live() {
    for (Instant next_heal = world_.now() + 60s; next_heal < Instant(hour) && !is_over();
         next_heal += 60s) {
      while (world_.now() < next_heal && !is_over()) {
        world_.run_until(world_.now() + world_.up_to(world_.chance(10) ? 3000ms : 300ms));
        disturb();
        send_burst();
      }
      heal();
    }
    EXPECT_GT(unreadable_, 10U);
    return service_.counters();
  }

 private:
  struct Disk {
    LunOptions options;
    LateStore* store = nullptr;
    std::unique_ptr<Store> outside;  // while there is no LUN
    std::vector<SectorHistory> sectors;

    bool is_served() const { return outside == nullptr; }
  };

  /// A request frame that arrived.
  struct Asked {
    std::uint64_t number;
    std::vector<std::uint8_t> bytes;
    std::size_t port;
    SectorHistory::Tick arrived;
    std::uint64_t saves_before;                    // had begun
    std::map<Address, std::size_t> stable_before;  // states of each LUN that may hear it
    std::set<Address> answered{};
  };
  using Asker = std::pair<Mac, std::uint32_t>;

  static bool is_over() { return ::testing::Test::HasFailure(); }

  static bool serves(std::size_t port, Address lun) { return port != 1 || lun.slot < 2; }

  // What goes wrong.

  void disturb() {
    Disk& disk = disks_[world_.below(disk_count)];
    const std::size_t port = world_.below(port_count);
    switch (world_.below(60)) {
      case 0:
        disk.store->gone = true;
        world_.after(world_.up_to(5000ms), [&disk] { disk.store->gone = false; });
        break;
      case 1:
      case 2:
        disk.store->failing_percent = 30;
        world_.after(world_.up_to(5000ms), [&disk] { disk.store->failing_percent = 0; });
        break;
      case 3:
        keeper_.failing_percent = 40;
        world_.after(world_.up_to(9000ms), [this] { keeper_.failing_percent = 0; });
        break;
      case 4:
        if (!disk.is_served()) break;
        service_.remove(disk.options.address, [&disk](std::unique_ptr<ServedLun> removed) {
          disk.outside = std::move(removed->store);
        });
        while (disk.outside == nullptr) {
          disk.store->wait();
          service_.settle();
        }
        EXPECT_EQ(disk.store->in_flight(), 0U);
        world_.after(world_.up_to(4000ms), [this, &disk] { add(disk); });
        break;
      case 5:
      case 6:
        if (!disk.is_served()) break;
        disk.options.read_only = world_.chance(20);
        choose_buffers(disk);
        service_.change(disk.options);
        break;
      case 7:
        if (ports_[port] == nullptr) break;
        close(port);
        world_.after(world_.up_to(4000ms), [this, port] { open(port); });
        break;
      case 8:
        if (ports_[port] == nullptr) break;
        ports_[port]->set_mtu(std::array<std::uint16_t, 3>{600, 1500, 9000}[world_.below(3)]);
        service_.announce(*ports_[port]);
        break;
      case 9:
        if (ports_[port] != nullptr) ports_[port]->set_up(world_.chance(50));
        if (disk.is_served()) service_.announce(disk.options.address);
        break;
      case 10: edit_as_administrator(disk); break;
      default: break;
    }
  }

  void choose_buffers(Disk& disk) {
    disk.options.buffer_count = std::array<std::uint16_t, 3>{1, 4, 16}[world_.below(3)];
    // Operations that came under an earlier count may still begin.
    disk.store->operations_max =
        std::max(disk.store->operations_max, std::size_t{4} * disk.options.buffer_count);
  }

  void add(Disk& disk) {
    if (!keeper_.is_idle()) {  // the state that a LUN begins with is on its way
      world_.after(100ms, [this, &disk] { add(disk); });
      return;
    }
    const auto& states = keeper_.stable[disk.options.address];
    choose_buffers(disk);
    service_.add(disk.options, std::move(disk.outside),
                 states.empty() ? std::nullopt : std::optional(states.back().state));
    if (states.empty()) keeper_.stable[disk.options.address].push_back({0, {}});
  }

  void open(std::size_t port) {
    const Mac mac = numbered_mac(100 + port);
    ports_[port] = std::make_unique<WirePort>(
        world_, Link{mac, static_cast<std::uint16_t>(port == 1 ? 1500 : 9000), true},
        [this, port](Bytes frame) { note(port, frame); },
        [this, port](Bytes frame) { hear(port, frame); });
    if (port != 2) {
      service_.attach(*ports_[port],
                      [port](const ServedLun& lun) { return serves(port, lun.lun.address()); });
    }
  }

  void close(std::size_t port) {
    unreadable_ += ports_[port]->unreadable;
    service_.forget(*ports_[port]);
    ports_[port]->open = false;
    gone_ports_.push_back(std::move(ports_[port]));
  }

  void edit_as_administrator(Disk& disk) {
    if (!disk.is_served()) return;
    ++edits_begun_;
    LunState state = service_.find(disk.options.address)->lun.state();
    state.mask.clear();
    if (world_.chance(50)) {
      state.config_string = "administrator";
      state.is_default_string = false;
    }
    EXPECT_TRUE(service_.set_state(disk.options.address, state,
                                   [this](std::error_code) { ++edits_ended_; }));
  }

  // What clients send.

  void send_burst() {
    const std::size_t port = world_.below(port_count);
    for (std::size_t frames = 1 + world_.below(world_.chance(10) ? 40 : 6); frames > 0; --frames) {
      const auto bytes = next_frame();
      const std::size_t copies = world_.chance(5) ? 2 : 1;
      for (std::size_t copy = 0; copy < copies; ++copy) {
        const Duration delay = world_.chance(30) ? world_.up_to(500ms) : Duration{0};
        world_.after(delay, [this, port, bytes] { arrive(port, bytes); });
      }
    }
  }

  std::vector<std::uint8_t> next_frame() {
    Mac source = client_macs[world_.below(client_macs.size())];
    if (world_.chance(3)) source = denied_mac;
    if (world_.chance(1)) source = Mac::broadcast();
    Address address = disks_[world_.below(disk_count)].options.address;
    if (world_.chance(2)) address.slot = Address::any_slot;
    const std::uint32_t tag = ++frames_made_ * 2654435761U;  // damage does not make one another
    auto bytes = frame_of({target_mac, source, address, tag}, next_body());
    if (world_.chance(8)) damage(bytes);
    return bytes;
  }

  Body next_body() {
    const std::size_t sectors = 1 + world_.below(world_.chance(20) ? 8 : 2);
    const std::uint64_t lba = world_.below(disk_sectors);
    const auto fits = static_cast<std::uint8_t>(sectors);
    switch (world_.below(100)) {
      case 0: return ConfigRequest{ConfigCommand(world_.below(3)), string()};
      case 1:
      case 2:
      case 3: return ConfigRequest{ConfigCommand::force_set, string()};
      case 4: return ConfigRequest{ConfigCommand::set, string()};
      case 5: return MaskRequest{};
      case 6: {
        // The last entry locks out every source that it does not name; removing it ends that.
        directives_ = {{static_cast<std::uint8_t>(1 + world_.below(2)), some_mac()},
                       {static_cast<std::uint8_t>(1 + world_.below(3)), some_mac()},
                       {2, some_mac()}};
        return MaskRequest{MaskCommand::edit, pack(directives_, room_)};
      }
      case 7:
      case 8: {
        const std::vector<Mac> macs{some_mac(), some_mac(), some_mac()};
        return ReserveRequest{
            ReserveCommand(world_.below(3)),
            pack(std::span(macs).first(world_.chance(70) ? 0 : world_.below(4)), room_)};
      }
      case 9: return command(ata::Opcode::identify_device, 1);
      case 10: return command(ata::Opcode(world_.below(256)), 1);
      case 11:
      case 12:
      case 13:
      case 14: return command(ata::Opcode::flush_cache);
      case 15:
      case 16:
      case 17: {
        AtaRequest verify = read_ext(lba, fits);
        verify.opcode = ata::Opcode::read_verify_ext;
        return verify;
      }
      case 18:
      case 19:
      case 20: {
        AtaRequest trim = command(ata::Opcode::data_set_management, 1);
        trim.flags.write = true;
        trim.feature = ata::trim_feature;
        data_.assign(sector_size, 0);
        data_[0] = static_cast<std::uint8_t>(lba);
        data_[6] = static_cast<std::uint8_t>(sectors);
        trim.data = data_;
        return trim;
      }
      default: break;
    }
    if (world_.chance(55)) return read_ext(lba, fits);
    data_.resize(sectors * sector_size);
    for (std::size_t i = 0; i < sectors; ++i) {
      const std::uint64_t stamp = std::uint64_t{frames_made_} << 8 | i;
      for (std::size_t at = 0; at < sector_size; at += 8) {
        std::memcpy(&data_[i * sector_size + at], &stamp, 8);
      }
    }
    return write_ext(lba, data_);
  }

  Mac some_mac() { return client_macs[world_.below(client_macs.size())]; }
  Bytes string() {
    text_ = "string " + std::to_string(world_.below(5));
    return as_bytes(world_.chance(30) ? std::string_view() : text_);
  }

  void damage(std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t fields_begin = 6;
    constexpr std::size_t fields_end = 40;
    if (world_.chance(20)) {
      bytes.resize(world_.below(bytes.size() + 1));
    } else {
      const std::size_t at = fields_begin + world_.below(fields_end - fields_begin);
      bytes[at] ^= static_cast<std::uint8_t>(1 << world_.below(8));
    }
  }

  void arrive(std::size_t port, const std::vector<std::uint8_t>& bytes) {
    if (ports_[port] == nullptr) return;
    ports_[port]->arrived.push_back(bytes);
    if (world_.chance(20)) return;  // a batch
    const bool more = service_.serve(*ports_[port], 1 + world_.below(2 * batch_size));
    if (!more) return;
    service_.serve(*ports_[port]);
  }

  /// What may come of a frame that the service takes.
  void note(std::size_t port, Bytes bytes) {
    ++tick_;
    const auto request = decode(bytes);
    if (!request) return;
    Asked asked{++requests_, {bytes.begin(), bytes.end()}, port, tick_, keeper_.saves_begun, {}};
    for (Disk& disk : disks_) {
      const Address own = disk.options.address;
      if (request->response || !request->header.address.covers(own) || !serves(port, own)) continue;
      asked.stable_before[own] = keeper_.stable[own].size();
      if (request->header.source == denied_mac) continue;
      for (const auto& [lba, value] : changes_of(*request)) {
        disk.sectors[lba].write_begins(asked.number, value, tick_);
      }
    }
    asked_[{request->header.source, request->header.tag}].push_back(std::move(asked));
  }

  // What they hear.

  void hear(std::size_t port, Bytes bytes) {
    ++tick_;
    const auto reply = decode(bytes);
    ASSERT_TRUE(reply && reply->response && reply->body) << "what was sent is no reply";
    ASSERT_GE(bytes.size(), frame_size_min);
    ASSERT_TRUE(holds_nothing_else(bytes));
    ASSERT_EQ(reply->header.source, numbered_mac(100 + port));
    if (reply->header.tag == 0 && std::holds_alternative<ConfigReply>(*reply->body)) {
      ++announcements_;
      return;
    }
    ++replies_;
    ASSERT_NE(reply->header.destination, denied_mac);
    const auto found = asked_.find({reply->header.destination, reply->header.tag});
    ASSERT_NE(found, asked_.end()) << "nobody asked: " << line(*reply);
    for (Asked& asked : found->second) {
      if (asked.port == port && answers(*reply, asked)) return;
    }
    FAIL() << "answers no request that is still unanswered: " << line(*reply);
  }

  /// Is this the first reply of its LUN to that request? Then it is checked, and taken for it.
  bool answers(const Frame& reply, Asked& asked) {
    const auto request = decode(asked.bytes);
    const Address own = reply.header.address;
    if (reply.command != request->command || !asked.stable_before.contains(own)) return false;
    if (!asked.answered.insert(own).second) return false;
    Disk& disk = disks_[own.slot];
    if (!request->body) {
      EXPECT_TRUE(std::holds_alternative<ErrorReply>(*reply.body)) << line(reply);
    } else if (const auto* ata = std::get_if<AtaRequest>(&*request->body)) {
      check(reply, *request, *ata, asked, disk);
    } else {
      check_set(reply, *request, asked);
    }
    return true;
  }

  void check(const Frame& reply, const Frame& request, const AtaRequest& ata, const Asked& asked,
             Disk& disk) {
    const auto* answer = std::get_if<AtaReply>(&*reply.body);
    const bool is_success = answer != nullptr && (answer->status & ata::status_failed) == 0;
    const auto changes = changes_of(request);
    // Of two copies one may be refused and the other done, and their replies look alike; the one
    // that came first may be answered last.
    const auto& copies = asked_.at({request.header.source, request.header.tag});
    const bool is_only_copy = copies.size() == 1;
    const auto* error = std::get_if<ErrorReply>(&*reply.body);
    const bool has_failed = answer != nullptr ? (answer->status & ata::status_df) != 0
                                              : error->code == ErrorCode::device_unavailable;
    for (const auto& [lba, value] : changes) {
      SectorHistory& sector = disk.sectors[lba];
      if (is_success) {
        sector.write_is_acknowledged(asked.number, tick_);
      } else if (!has_failed && is_only_copy) {
        sector.write_is_refused(asked.number);
      }
    }
    if (ata::kind(ata.opcode) != ata::Kind::read || answer == nullptr) return;
    if (!is_success) {
      EXPECT_LT(answer->data.size(), sector_size) << "a failed read has data";
      return;
    }
    ASSERT_GE(answer->data.size(), ata.sectors * sector_size);
    for (std::uint64_t i = 0; i < ata.sectors; ++i) {
      ASSERT_TRUE(disk.sectors[ata.lba + i].may_be(
          value_of(answer->data.subspan(i * sector_size, sector_size)), copies.front().arrived))
          << "sector " << ata.lba + i << " of e7." << int{disk.options.address.slot};
    }
  }

  /// A reply to a set shows what was stable at some moment since the request, or what was set over
  /// again before it was saved.
  void check_set(const Frame& reply, const Frame& request, const Asked& asked) {
    const Address own = reply.header.address;
    const auto& states = keeper_.stable[own];
    const auto since = std::span(states).subspan(asked.stable_before.at(own) - 1);
    const auto was_stable = [&](auto&& is_it) {
      return std::ranges::any_of(since, [&](const SlowKeeper::Saved& saved) {
        return saved.number > asked.saves_before || is_it(saved.state);
      });
    };
    if (const auto* config = std::get_if<ConfigReply>(&*reply.body)) {
      if (config->command < ConfigCommand::set) return;
      const std::string text(config->string.begin(), config->string.end());
      EXPECT_TRUE(was_stable([&](const LunState& s) { return s.config_string == text; }))
          << line(reply);
      ++sets_;
    } else if (const auto* mask = std::get_if<MaskReply>(&*reply.body)) {
      if (mask->command != MaskCommand::edit || mask->error != MaskError::none) return;
      std::vector<Mac> macs;
      for (std::size_t i = 0; i < mask->list.size(); ++i) macs.push_back(mask->list[i].mac);
      EXPECT_TRUE(was_stable([&](const LunState& s) { return s.mask == macs; })) << line(reply);
      ++sets_;
    } else if (const auto* reserve = std::get_if<ReserveReply>(&*reply.body)) {
      if (reserve->command == ReserveCommand::read) return;
      std::vector<Mac> macs;
      for (std::size_t i = 0; i < reserve->macs.size(); ++i) macs.push_back(reserve->macs[i]);
      EXPECT_TRUE(was_stable([&](const LunState& s) { return s.reserved == macs; })) << line(reply);
      ++sets_;
    } else {
      EXPECT_TRUE(std::holds_alternative<ErrorReply>(*reply.body)) << line(reply);
    }
    EXPECT_EQ(reply.command, request.command);
  }

  // Once a minute.

  void heal() {
    finish_everything();
    check_counters();
    for (Disk& disk : disks_) check(disk);
    asked_.clear();
    for (Disk& disk : disks_) {
      keeper_.failing_percent = 0;
      service_.set_state(disk.options.address, {},
                         [](std::error_code error) { EXPECT_FALSE(error); });
    }
    finish_everything();
  }

  void finish_everything() {
    world_.run_all();  // ports and LUNs come back with it
    for (const auto& port : ports_) {
      service_.serve(*port);
      port->set_up(true);
    }
    world_.run_all();
    service_.settle();
  }

  void check_counters() {
    const LunCounters c = service_.counters();
    std::uint64_t ended = c.replies + c.dropped_busy + c.dropped_port;
    for (const std::uint64_t silence : c.silences) ended += silence;
    EXPECT_EQ(c.requests, ended) << "a request has neither been answered nor dropped";
    EXPECT_EQ(c.replies, replies_);
    EXPECT_EQ(c.announcements, announcements_);
    EXPECT_EQ(c.store_errors, troubles_);
    EXPECT_EQ(edits_begun_, edits_ended_);
  }

  void check(Disk& disk) {
    ASSERT_TRUE(disk.is_served());
    EXPECT_EQ(disk.store->in_flight(), 0U);
    ++tick_;
    for (std::uint64_t lba = 0; lba < disk_sectors; ++lba) {
      const std::uint64_t value =
          value_of(disk.store->bytes().subspan(lba * sector_size, sector_size));
      EXPECT_TRUE(disk.sectors[lba].may_be(value, tick_))
          << "sector " << lba << " of e7." << int{disk.options.address.slot};
      disk.sectors[lba].settle(value, tick_);
    }
  }

  World world_;
  SlowKeeper keeper_;
  std::array<Disk, disk_count> disks_;
  std::array<std::unique_ptr<WirePort>, port_count> ports_;
  std::vector<std::unique_ptr<WirePort>> gone_ports_;
  Service service_{[this] { return world_.now(); }, &keeper_};

  std::map<Asker, std::vector<Asked>> asked_;
  SectorHistory::Tick tick_ = 1;
  std::uint32_t frames_made_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t replies_ = 0;
  std::uint64_t announcements_ = 0;
  std::uint64_t troubles_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t sets_ = 0;
  std::uint64_t edits_begun_ = 0;
  std::uint64_t edits_ended_ = 0;

  // What a body that is being made points into.
  std::vector<std::uint8_t> data_;
  std::vector<Directive> directives_;
  std::string text_;
  std::array<std::uint8_t, 100> room_{};
};

TEST(Chaos, AnHourOfItLeavesNothingUnansweredAndNothingWrong) {
  for (const std::uint32_t seed : chosen_seeds()) {
    SCOPED_TRACE(::testing::Message() << "again with AOE_SEED=" << seed);
    const LunCounters counters = Chaos(seed).live();
    if (HasFailure()) return;
    // It went everywhere, so it has looked everywhere.
    for (const std::uint64_t count :
         {counters.reads, counters.writes, counters.flushes, counters.trims, counters.verifies,
          counters.aoe_errors, counters.ata_errors, counters.store_errors, counters.announcements,
          counters.dropped_busy, counters.dropped_port, counters.state_errors}) {
      EXPECT_GT(count, 30U);
    }
    for (const std::uint64_t silence : counters.silences) EXPECT_GT(silence, 10U);
  }
}

}  // namespace
}  // namespace aoe::target
