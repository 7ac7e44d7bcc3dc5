#include "harness/run/runner.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "harness/run/interruption.h"
#include "harness/run/scapy.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

constexpr Duration discovery_repeat = std::chrono::milliseconds(250);

/// The I/O of a run is drawn from other numbers than its faults, so that one does not move the
/// other.
constexpr std::uint64_t io_stream = 0x10;

DiskHistory::Fill fill_of(const Scenario& scenario, const World& world) {
  if (!world.has_own_disk()) return DiskHistory::Fill::found;
  return scenario.target.fill_pattern ? DiskHistory::Fill::pattern : DiskHistory::Fill::zeros;
}

bool has(const Identity& identity, Feature feature) {
  switch (feature) {
    case Feature::dma: return identity.dma;
    case Feature::flush: return identity.flush_cache;
    case Feature::flush_ext: return identity.flush_cache_ext;
    case Feature::lba48: return identity.lba48;
    case Feature::power_management: return identity.power_management;
    case Feature::smart: return identity.smart;
    case Feature::trim: return identity.trim;
  }
  AOE_CHECK(false && "a feature that nobody knows");
}

Check check_of(const WrongData& wrong) {
  return wrong.was_flushed ? Check::flushed_survives : Check::data_integrity;
}

}  // namespace

Runner::Runner(const Scenario& scenario, World& world, const Ledger& ledger, Exchanges& exchanges,
               std::uint64_t seed)
    : scenario_(scenario),
      world_(world),
      faults_(world, scenario),
      ledger_(ledger),
      exchanges_(exchanges),
      random_(seed ^ io_stream),
      history_(scenario.target.sectors, fill_of(scenario, world)),
      at_work_(scenario.target.sectors),
      raw_(scenario, world),
      last_io_(world.now()),
      last_heal_(world.now()),
      changed_(world.now()) {
  if (!scenario.given.late_duplicates_fail) history_.excuse_late_duplicates();
  if (world.kill_loses_cache()) history_.track_flushes();
  at_work_.on_room = [this] {
    for (Load& load : loads_) load.go_on();
  };
  world.stage().watch_writes([this](std::uint64_t lba, Bytes data) {
    const std::uint64_t base = scenario_.target.base;
    if (lba >= base) history_.copy_arrived(lba - base, data);
  });
}

Runner::~Runner() {
  world_.stage().watch_writes(nullptr);
}

Verdict Runner::run() {
  const Instant begun = world_.now();
  Verdict verdict;
  const auto keep = [&](Result failure) {
    if (failure) verdict.failures.push_back(*std::move(failure));
  };
  keep(do_steps());
  const Mark last_step = mark_;
  mark_ = {scenario_.file, 0, 0};
  rule_ = "finally";
  keep(settle());
  if (const std::string broken = world_.broken(); !broken.empty()) {
    // What failed for want of a world is no finding of its own.
    rule_ = "world";
    verdict.failures = {fail_for_certain("both ends run until the scenario's end", broken)};
    verdict.failures.front().mark = last_step;
  }
  rule_ = text(Check::data_integrity);
  keep(check_store());
  keep(check_always());

  tell_late_duplicates();
  judge(verdict);
  verdict.notes = std::move(notes_);
  verdict.steps = std::move(steps_);
  verdict.dues = std::move(dues_);
  verdict.took = world_.now() - begun;
  for (const Load& load : loads_) verdict.requests += load.completed();
  return verdict;
}

void Runner::tell_late_duplicates() {
  const std::uint64_t count = history_.late_duplicates();
  if (count == 0) return;
  std::string note = "late duplicate: " + history_.first_late_duplicate();
  if (count > 1) note += fmt::format(" (and {} more)", count - 1);
  notes_.push_back(std::move(note));
}

void Runner::judge(Verdict& verdict) const {
  const std::string doubt = this->doubt();
  const bool certain = std::ranges::any_of(verdict.failures, &Failure::certain);
  if (interrupted()) {
    verdict.outcome = Outcome::broken;
    verdict.reason = "interrupted";
    verdict.failures.clear();  // they are of what could not be brought to an end
  } else if (const std::string unsupported = world_.unsupported(); !unsupported.empty()) {
    verdict.outcome = Outcome::unsupported;
    verdict.reason = unsupported;
    verdict.failures.clear();  // for want of what was not done
  } else if (certain || (doubt.empty() && !verdict.failures.empty())) {
    verdict.outcome = Outcome::failed;
  } else if (!unsupported_.empty()) {
    verdict.outcome = Outcome::unsupported;
    verdict.reason = unsupported_;
  } else if (!doubt.empty()) {
    verdict.outcome = Outcome::inconclusive;
    verdict.reason = doubt;
  }
}

Runner::Result Runner::do_steps() {
  const Instant origin = ledger_.origin();
  for (const Step& step : scenario_.steps) {
    mark_ = step.mark;
    rule_ = step.word;
    const Duration began = world_.now() - origin;
    Result failure = std::visit([this](const auto& what) { return this->step(what); }, step.what);
    steps_.push_back({.began = began,
                      .ended = world_.now() - origin,
                      .where = fmt::format("{}:{}", mark_.file, mark_.line),
                      .word = step.word,
                      .text = step.text,
                      .met = !failure});
    if (failure || is_over() || !unsupported_.empty()) return failure;
  }
  return std::nullopt;
}

std::string Runner::doubt() const {
  if (world_.slack() > slack_max) {
    return fmt::format("this machine was too busy: times are only known to {}, {} is the most",
                       describe(world_.slack()), describe(slack_max));
  }
  if (world_.frames_lost() > 0) {
    return fmt::format("{} frames were lost that no fault struck", world_.frames_lost());
  }
  return {};
}

void Runner::keep_due(std::string what, Instant since, Duration least, Duration most,
                      std::optional<Instant> came) {
  const Duration begun = since - ledger_.origin();
  DueRecord& due = dues_.emplace_back();
  due.where = fmt::format("{}:{}", mark_.file, mark_.line);
  due.what = std::move(what);
  due.since = begun;
  due.earliest = begun + least;
  due.latest = begun + most;
  if (came) due.came = *came - ledger_.origin();
}

Failure Runner::fail(std::string expected, std::string actual, std::vector<FrameId> frames) const {
  return {mark_, rule_, std::move(expected), std::move(actual), std::move(frames)};
}

Failure Runner::fail_for_certain(std::string expected, std::string actual,
                                 std::vector<FrameId> frames) const {
  return {mark_, rule_, std::move(expected), std::move(actual), std::move(frames), true};
}

Failure Runner::fail_data(std::string expected, const WrongData& wrong) {
  wrong_data_told_ = true;
  return fail_for_certain(std::move(expected), wrong.text);
}

bool Runner::is_always(Check check) const {
  if (check == Check::no_early_retransmit && !world_.has_known_timeouts()) return false;
  return std::ranges::find(scenario_.always, check) != scenario_.always.end();
}

bool Runner::is_over() const {
  return !world_.broken().empty() || !world_.unsupported().empty() || interrupted();
}

bool Runner::is_up(Address address) const {
  return world_.is_up(address);
}

bool Runner::wait(const std::function<bool()>& done, Instant deadline) {
  const auto look = [&] {
    if (is_up(scenario_.target.address) != up_) {
      up_ = !up_;
      changed_ = world_.now();
    }
    return done() || is_over();
  };
  while (!world_.run_until(look, std::min(deadline, faults_.deadline())) &&
         world_.now() < deadline) {
    faults_.tick();
  }
  return done();
}

Symbols Runner::symbols() const {
  // aoe-initiator wakes up when it has to, the Linux driver every so often.
  const bool is_linux = scenario_.given.profile == initiator::Profile::linux_driver;
  const Duration tick = is_linux ? std::chrono::milliseconds(100) : Duration{};
  return {{"deadsecs", scenario_.given.deadsecs},
          {"rto", exchanges_.rto()},
          {"slack", world_.slack()},
          {"srtt", exchanges_.srtt()},
          {"tick", tick}};
}

Instant Runner::patience() const {
  return world_.now() + 2 * scenario_.given.deadsecs + std::chrono::seconds(20);
}

Load& Runner::start(const IoStep& step) {
  Load& load = loads_.emplace_back(step, scenario_.target,
                                   Load::Shared{world_, history_, at_work_, random_});
  last_io_ = world_.now();
  load.start();
  return load;
}

Duration Runner::silence() const {
  return raw_.silence(exchanges_.rto()) + scenario_.given.rtt + world_.slack();
}

Runner::Result Runner::step(const DiscoverStep& step) {
  const Instant begun = world_.now();
  const auto found = [&] { return is_up(step.expect); };
  while (!found() && world_.now() < begun + step.within && !is_over()) {
    world_.discover(step.expect);
    wait(found, std::min(world_.now() + discovery_repeat, begun + step.within));
  }
  if (found() == step.found) return std::nullopt;
  if (!step.found) {
    return fail(fmt::format("{} not up for {}", step.expect, describe(step.within)),
                fmt::format("up after {}", describe(world_.now() - begun)));
  }
  const std::string state = world_.state(step.expect);
  return fail(fmt::format("{} up within {}", step.expect, describe(step.within)),
              state.empty() ? "no answer to discovery" : fmt::format("it is {}", state));
}

Runner::Result Runner::step(const WarmupStep& step) {
  Load& load = start(step.reads);
  wait([&] { return load.done(); }, patience());
  const std::string expected = fmt::format("{} reads to warm up", step.reads.requests);
  if (load.wrong_data()) return fail_data(expected, *load.wrong_data());
  if (load.done() && load.failed() == 0) return std::nullopt;
  return fail(expected,
              fmt::format("{} completed, {} of them failed", load.completed(), load.failed()));
}

Runner::Result Runner::step(const ArmStep& step) {
  if (auto armed = faults_.arm(step.fault); !armed) {
    unsupported_ = armed.error().reason;
    return std::nullopt;
  }
  const bool killed = std::holds_alternative<KillSpec>(step.fault.kind);
  if (killed && world_.kill_loses_cache()) history_.crash();
  return std::nullopt;
}

Runner::Result Runner::step(const HealStep& step) {
  for (const std::string& id : step.ids) faults_.heal(id);
  last_heal_ = world_.now();
  return std::nullopt;
}

Runner::Result Runner::step(const IoStep& step) {
  start(step);
  return std::nullopt;
}

Runner::Result Runner::step(const WaitStep& step) {
  wait([] { return false; }, world_.now() + step.time);
  return std::nullopt;
}

Runner::Result Runner::step(const ExpectStep& step) {
  // A retransmission and a device going down happen while the request waits: they are watched for
  // first.
  Result result;
  if (step.retransmit) result = expect(*step.retransmit);
  if (!result && step.outstanding) result = expect(*step.outstanding);
  if (!result && step.device) result = expect(*step.device);
  if (!result && step.io) result = expect(*step.io);
  if (!result && step.hits) result = expect(*step.hits);
  if (!result && step.reply) result = expect(*step.reply);
  if (!result && step.replies) result = expect(*step.replies);
  if (!result && step.announcement) result = expect(*step.announcement);
  if (!result && step.store) result = expect(*step.store);
  return result;
}

Runner::Result Runner::step(const SaysStep& step) {
  if (auto said = world_.says(step.says, step.announce); !said) unsupported_ = said.error().reason;
  return std::nullopt;
}

Runner::Result Runner::step(const HoldStep& step) {
  if (!step.open) {
    world_.close(scenario_.target.address);
  } else if (!world_.open(scenario_.target.address)) {
    return fail(fmt::format("{} can be opened", scenario_.target.address), "it can't");
  }
  return std::nullopt;
}

Runner::Result Runner::send(const FrameSpec& frame) {
  if ((frame.repeat_buffers || frame.most_sectors) && !raw_.counts()) {
    return fail("a config answer before this, to tell how many the target takes", "none");
  }
  raw_.send(frame);
  return std::nullopt;
}

Runner::Result Runner::step(const SendStep& step) {
  return send(step.frame);
}

Runner::Result Runner::step(const QueryStep& step) {
  if (Result failure = send(step.query.request)) return failure;
  if (is_over()) return std::nullopt;  // it was not allowed to
  return expect(step.query.reply);
}

Runner::Result Runner::step(const AliveStep& step) {
  constexpr Duration repeat = std::chrono::milliseconds(250);
  const Instant begun = world_.now();
  const Instant deadline = begun + step.within.value_or(RtoModel::most);
  const FrameSpec query = plain_request(Command::config);
  std::vector<FrameId> asked;
  while (world_.now() < deadline && !is_over()) {
    const RawExchanges::Request& request = raw_.send(query);
    const auto answered = [&] { return !request.answers.empty(); };
    if (wait(answered, std::min(deadline, world_.now() + repeat))) return std::nullopt;
    asked.push_back(request.frame);
  }
  if (asked.size() > 2) asked.erase(asked.begin() + 1, asked.end() - 1);
  return fail("the target still answers",
              fmt::format("no query was answered in {}", describe(world_.now() - begun)), asked);
}

Runner::Result Runner::step(const AdvertisedStep& step) {
  const RawExchanges::Request& request = raw_.send(ata_request(ata::Opcode::identify_device, 1));
  wait([&] { return !request.answers.empty(); }, request.sent + RtoModel::most);
  if (request.answers.empty()) {
    return fail("an answer to IDENTIFY DEVICE", "none", {request.frame});
  }
  const Bytes answer = request.answers.front().bytes;
  const auto identity =
      parse_identify(answer.subspan(std::min<std::size_t>(ata_header_size, answer.size())));
  if (!identity) {
    return fail("data of IDENTIFY DEVICE", std::string(aoe::text(identity.error().rule)),
                {request.frame, request.answers.front().id});
  }
  for (const Feature feature : step.features) {
    if (has(*identity, feature)) continue;
    unsupported_ = fmt::format("IDENTIFY does not advertise {}", text(feature));
    return std::nullopt;
  }
  return std::nullopt;
}

Runner::Result Runner::step(const ScapyStep& step) {
  const ScapyResult result = run_scapy(step, scenario_, world_);
  unsupported_ = result.unsupported;
  if (!unsupported_.empty()) return std::nullopt;
  for (const std::string& measured : result.measured) notes_.push_back(measured);
  if (result.passed == step.success) return std::nullopt;
  return fail(fmt::format("{} {}", step.script, step.success ? "passes" : "fails"),
              step.success ? fmt::format("{}", fmt::join(result.failures, "; ")) : "it passed");
}

Duration Runner::standstill_max() const {
  // A request waits for its timeout, which has grown meanwhile, or until its device is given up.
  const Duration deadsecs = scenario_.given.deadsecs;
  const Duration wait = deadsecs > Duration{} ? std::min(deadsecs, RtoModel::most) : RtoModel::most;
  return wait + exchanges_.rto() + world_.slack();
}

Runner::Result Runner::settle() {
  faults_.heal_all();
  const auto done = [this] { return std::ranges::all_of(loads_, &Load::done); };
  const auto completed = [this] {
    std::uint64_t count = 0;
    for (const Load& load : loads_) count += load.completed();
    return count;
  };
  if (scenario_.settle) {
    if (wait(done, world_.now() + *scenario_.settle)) return std::nullopt;
  } else {
    for (std::uint64_t before = UINT64_MAX; !done() && completed() != before;) {
      before = completed();
      wait([&] { return done() || completed() != before; }, world_.now() + standstill_max());
    }
    if (done() || !is_always(Check::liveness)) return std::nullopt;
  }
  std::string open;
  for (const Load& load : loads_) {
    if (load.done()) continue;
    open += fmt::format("{}{} ({} of {} done)", open.empty() ? "" : ", ", load.id(),
                        load.completed(), load.requests());
  }
  if (scenario_.settle) {
    return fail(fmt::format("all I/O resolved within {} of the end", describe(*scenario_.settle)),
                "outstanding: " + open);
  }
  rule_ = text(Check::liveness);
  return fail(rule(Check::liveness), fmt::format("for {} nothing was resolved, outstanding: {}",
                                                 describe(standstill_max()), open));
}

/// Sectors that were to hold something still hold it; for the history they hold what they began
/// with.
Runner::Result Runner::check_stated(std::uint64_t lba, MutableBytes bytes) {
  const std::uint64_t end = lba + bytes.size() / sector_size;
  for (auto it = stated_.lower_bound(lba); it != stated_.end() && it->first < end; ++it) {
    const MutableBytes sector = bytes.subspan((it->first - lba) * sector_size, sector_size);
    if (!std::ranges::equal(sector, it->second) && !wrong_data_told_) {
      wrong_data_told_ = true;
      return fail_for_certain("the store holds what it was last seen to hold",
                              fmt::format("lba {} has changed since", it->first));
    }
    const Content begun{.kind = Content::Kind::pattern};
    fill(begun, it->first, scenario_.target.fill_pattern, sector);
  }
  return std::nullopt;
}

Runner::Result Runner::check_store() {
  if (!is_always(Check::data_integrity)) return std::nullopt;
  constexpr std::uint64_t piece = 2048;  // sectors
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t lba = 0; lba < scenario_.target.sectors; lba += piece) {
    bytes.resize(std::min(piece, scenario_.target.sectors - lba) * sector_size);
    if (!world_.read_store(lba * sector_size, bytes)) return std::nullopt;
    if (Result wrong = check_stated(lba, bytes)) return wrong;
    if (const auto wrong = history_.verify(lba, bytes)) {
      rule_ = text(check_of(*wrong));
      return fail_for_certain(rule(check_of(*wrong)), "in the store, " + wrong->text);
    }
  }
  return std::nullopt;
}

Runner::Result Runner::check_always() {
  // The first check that was broken, and how often that one.
  const auto counts = [this](const Finding& finding) {
    return is_always(*find_check(finding.rule));
  };
  const auto& findings = exchanges_.findings();
  if (const auto first = std::ranges::find_if(findings, counts); first != findings.end()) {
    const auto more = exchanges_.count(*find_check(first->rule)) - 1;
    rule_ = first->rule;
    Failure failure = fail(first->expected, first->actual, first->frames);
    if (more > 0) failure.actual += fmt::format(" (and {} more)", more);
    failure.certain = first->certain;
    return failure;
  }
  if (!is_always(Check::data_integrity) || wrong_data_told_) return std::nullopt;
  for (const Load& load : loads_) {
    if (!load.wrong_data()) continue;
    const Check check = check_of(*load.wrong_data());
    rule_ = text(check);
    return fail_for_certain(rule(check),
                            fmt::format("io {} read: {}", load.id(), load.wrong_data()->text));
  }
  return std::nullopt;
}

}  // namespace aoe::harness
