#include "harness/run/run_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/fnv.h"
#include "harness/judge/tracker.h"
#include "harness/run/interruption.h"

namespace aoe::harness {
namespace {

/// The I/O of a run is drawn from other numbers than its faults, so that one does not move the
/// other.
constexpr std::uint64_t io_stream = 0x10;

DiskHistory::Fill fill_of(const Disk& disk, const World& world) {
  if (!world.has_own_disk()) return DiskHistory::Fill::found;
  return disk.fill_pattern ? DiskHistory::Fill::pattern : DiskHistory::Fill::zeros;
}

/// As much of a disk as is judged by what was written and read.
std::uint64_t judged_sectors(const Disk& disk) {
  return disk.sectors <= judged_sectors_max ? disk.sectors : 0;
}

/// On a wire each case begins with a tag of its own, so that neither an answer to another program
/// nor a late one to the case before has a tag of this case.
std::uint32_t first_tag(const Scenario& scenario, const World& world, std::uint64_t seed) {
  if (world.has_own_disk()) return RawExchanges::usual_first_tag;
  const std::uint64_t drawn = mixed(seed ^ fnv1a(scenario.id));
  return 0x4000'0000 | static_cast<std::uint32_t>(drawn & 0x3fff'ffff);
}

}  // namespace

RunState::RunState(const Scenario& the_scenario, World& the_world, const Ledger& the_ledger,
                   Parties& the_parties, std::uint64_t seed)
    : scenario(the_scenario),
      world(the_world),
      faults(world, scenario),
      ledger(the_ledger),
      parties(the_parties),
      random(seed ^ io_stream),
      raw(scenario, world, first_tag(scenario, world, seed)),
      last_io(world.now()),
      last_heal(world.now()),
      last_change(world.now()) {
  const Network& network = scenario.network;
  for (const Disk& disk : network.disks) {
    histories.emplace_back(judged_sectors(disk), fill_of(disk, world));
    if (!scenario.given.late_duplicates_fail) histories.back().excuse_late_duplicates();
  }
  for (const NodeIndex target : network.all(Node::Role::target)) {
    if (!world.target(target).kill_loses_cache()) continue;
    for (const Lun& lun : network.nodes[target].target.luns) histories[lun.disk].track_flushes();
  }
  for (const Step& step : scenario.steps) {
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    if (expect == nullptr || !expect->device) continue;
    const auto& [up, by, to, within] = *expect->device;
    standings_[{by, network.lun(to).address}].changed = world.now();
  }
  world.stage().watch_writes(
      [this](NodeIndex node, Address address, std::uint64_t lba, Bytes data) {
        const TargetRole& target = scenario.network.nodes[node].target;
        const auto lun = std::ranges::find(target.luns, address, &Lun::address);
        if (lun == target.luns.end() || lba < target.base) return;
        const std::uint64_t sectors = judged_sectors(scenario.network.disks[lun->disk]);
        if (lba - target.base < sectors) histories[lun->disk].copy_arrived(lba - target.base, data);
      });
}

RunState::~RunState() {
  world.stage().watch_writes(nullptr);
}

void RunState::keep_due(std::string what, Instant since, Duration least, Duration most,
                        std::optional<Instant> came) {
  const Duration begun = since - ledger.origin();
  DueRecord& due = dues.emplace_back();
  due.where = fmt::format("{}:{}", mark.file, mark.line);
  due.what = std::move(what);
  due.since = begun;
  due.earliest = begun + least;
  due.latest = begun + most;
  if (came) due.came = *came - ledger.origin();
}

Finding RunState::fail(std::string expected, std::string actual,
                       std::vector<FrameId> frames) const {
  const RuleRow* const row = find_rule(rule);
  return {.rule = rule,
          .clause = std::string(row != nullptr ? row->clause : ""),
          .expected = std::move(expected),
          .actual = std::move(actual),
          .frames = std::move(frames),
          .mark = mark};
}

Finding RunState::fail_for_certain(std::string expected, std::string actual,
                                   std::vector<FrameId> frames) const {
  Finding finding = fail(std::move(expected), std::move(actual), std::move(frames));
  finding.certain = true;
  return finding;
}

Finding RunState::fail_data(std::string expected, const Device& device, const WrongData& wrong) {
  wrong_data_seen = true;
  return about_data(std::move(expected), device, wrong);
}

Finding RunState::about_data(std::string expected, const Device& device,
                             const WrongData& wrong) const {
  const Network& network = scenario.network;
  Finding finding =
      fail_for_certain(std::move(expected), wrong.text,
                       frames_about(ledger, network.lun(device).address,
                                    wrong.sector.lba + network.nodes[device.node].target.base));
  finding.sectors = {wrong.sector};
  return finding;
}

AtWork& RunState::at_work(NodeIndex by, const Device& device) {
  const Network& network = scenario.network;
  const auto [found, is_new] =
      at_work_.try_emplace({by, network.lun(device).address}, judged_sectors(network.disk(device)));
  if (is_new) {
    found->second.on_room = [this] {
      for (Load& load : loads) load.go_on();
    };
  }
  return found->second;
}

void RunState::crash(NodeIndex target) {
  parties.interrupted(target);
  if (!world.target(target).kill_loses_cache()) return;
  for (const Lun& lun : scenario.network.nodes[target].target.luns) histories[lun.disk].crash();
}

bool RunState::is_always(Check check) const {
  if (check == Check::no_early_retransmit && !world.has_known_timeouts()) return false;
  // On a wire, others may change a target's lists.
  if (check == Check::access_respected && !world.has_own_disk()) return false;
  return std::ranges::find(scenario.always, check) != scenario.always.end();
}

bool RunState::is_over() const {
  return !world.broken().empty() || !world.unsupported().empty() || !world.lost().empty() ||
         interrupted();
}

bool RunState::wait(const std::function<bool()>& done, Instant deadline) {
  const auto look = [&] {
    for (auto& [whom, standing] : standings_) {
      const auto& [by, device] = whom;
      if (world.initiator(by).is_up(device) == standing.up) continue;
      standing = {!standing.up, world.now()};
    }
    return done() || is_over();
  };
  while (!world.run_until(look, std::min(deadline, faults.deadline())) && world.now() < deadline) {
    faults.tick();
  }
  return done();
}

Symbols RunState::symbols(NodeIndex by) const {
  // aoe-initiator wakes up when it has to, the Linux driver every so often.
  const bool is_linux = scenario.given.profile == initiator::Profile::linux_driver;
  const Duration tick = is_linux ? std::chrono::milliseconds(100) : Duration{};
  return {{"deadsecs", scenario.given.deadsecs},
          {"rto", parties.of(by).rto()},
          {"slack", world.slack()},
          {"srtt", parties.of(by).srtt()},
          {"tick", tick}};
}

Instant RunState::patience() const {
  return world.now() + 2 * scenario.given.deadsecs + std::chrono::seconds(20);
}

Load& RunState::start(const IoStep& step) {
  IoStep fitting = step;
  if (world.is_virtual()) fitting.requests = step.requests_in_sim.value_or(step.requests);
  Load& load = loads.emplace_back(fitting, *this);
  last_io = world.now();
  load.start();
  return load;
}

Duration RunState::silence() const {
  const NodeIndex asker = scenario.network.first(Node::Role::initiator);
  return raw.silence(parties.of(asker).rto()) + scenario.given.rtt + world.slack();
}

}  // namespace aoe::harness
