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

DiskHistory::Fill fill_of(const Scenario& scenario, const World& world) {
  if (!world.has_own_disk()) return DiskHistory::Fill::found;
  return scenario.target.fill_pattern ? DiskHistory::Fill::pattern : DiskHistory::Fill::zeros;
}

/// As much of the disk as is judged by what was written and read.
std::uint64_t judged_sectors(const Scenario& scenario) {
  const std::uint64_t sectors = scenario.target.sectors;
  return sectors <= judged_sectors_max ? sectors : 0;
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
                   Exchanges& the_exchanges, std::uint64_t seed)
    : scenario(the_scenario),
      world(the_world),
      faults(world, scenario),
      ledger(the_ledger),
      exchanges(the_exchanges),
      random(seed ^ io_stream),
      history(judged_sectors(scenario), fill_of(scenario, world)),
      at_work(judged_sectors(scenario)),
      raw(scenario, world, first_tag(scenario, world, seed)),
      last_io(world.now()),
      last_heal(world.now()),
      last_change(world.now()),
      changed(world.now()) {
  if (!scenario.given.late_duplicates_fail) history.excuse_late_duplicates();
  if (world.target().kill_loses_cache()) history.track_flushes();
  at_work.on_room = [this] {
    for (Load& load : loads) load.go_on();
  };
  world.stage().watch_writes([this](std::uint64_t lba, Bytes data) {
    const std::uint64_t base = scenario.target.base;
    if (lba >= base && lba - base < judged_sectors(scenario))
      history.copy_arrived(lba - base, data);
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

Finding RunState::fail_data(std::string expected, const WrongData& wrong) {
  wrong_data_seen = true;
  Finding finding = fail_for_certain(std::move(expected), wrong.text,
                                     frames_about(ledger, wrong.sector.lba + scenario.target.base));
  finding.sectors = {wrong.sector};
  return finding;
}

bool RunState::is_always(Check check) const {
  if (check == Check::no_early_retransmit && !world.has_known_timeouts()) return false;
  return std::ranges::find(scenario.always, check) != scenario.always.end();
}

bool RunState::is_over() const {
  return !world.broken().empty() || !world.unsupported().empty() || interrupted();
}

bool RunState::wait(const std::function<bool()>& done, Instant deadline) {
  const auto look = [&] {
    if (world.initiator().is_up(scenario.target.address) != up) {
      up = !up;
      changed = world.now();
    }
    return done() || is_over();
  };
  while (!world.run_until(look, std::min(deadline, faults.deadline())) && world.now() < deadline) {
    faults.tick();
  }
  return done();
}

Symbols RunState::symbols() const {
  // aoe-initiator wakes up when it has to, the Linux driver every so often.
  const bool is_linux = scenario.given.profile == initiator::Profile::linux_driver;
  const Duration tick = is_linux ? std::chrono::milliseconds(100) : Duration{};
  return {{"deadsecs", scenario.given.deadsecs},
          {"rto", exchanges.rto()},
          {"slack", world.slack()},
          {"srtt", exchanges.srtt()},
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
  return raw.silence(exchanges.rto()) + scenario.given.rtt + world.slack();
}

}  // namespace aoe::harness
