#include "harness/run/play_step.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "harness/language/clauses.h"
#include "harness/run/play_expect.h"
#include "harness/run/scapy.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

constexpr Duration discovery_repeat = std::chrono::milliseconds(250);

bool has(const Identity& identity, Feature feature) {
  switch (feature) {
    case Feature::dma: return identity.dma;
    case Feature::flush: return identity.flush_cache;
    case Feature::flush_ext: return identity.flush_cache_ext;
    case Feature::lba48: return identity.lba48;
    case Feature::power_management: return identity.power_management;
    case Feature::smart: return identity.smart;
    case Feature::trim: return identity.trim;
    case Feature::trim_zero: return identity.trim && identity.trimmed_reads_zero;
  }
  AOE_CHECK(false && "a feature that nobody knows");
}

/// Where a target is tested, what keeps an initiator from using it is for the scenarios of the
/// clauses that ask for it.
bool is_about_a_target(const Scenario& scenario) {
  const auto binds_target = [](const std::string& id) {
    const Clause* const clause = clause_catalogue().find(id);
    return clause != nullptr && clause->binds == Clause::Binds::target;
  };
  return !scenario.clauses.empty() && std::ranges::all_of(scenario.clauses, binds_target);
}

StepResult play(RunState& run, const DiscoverStep& step) {
  const Instant begun = run.world.now();
  InitiatorEnd& initiator = run.world.initiator(step.by);
  const auto found = [&] { return initiator.is_up(step.expect); };
  while (!found() && run.world.now() < begun + step.within && !run.is_over()) {
    initiator.discover(step.expect);
    run.wait(found, std::min(run.world.now() + discovery_repeat, begun + step.within));
  }
  if (found() == step.found) return Passed{};
  if (!step.found) {
    return run.fail(fmt::format("{} not up for {}", step.expect, describe(step.within)),
                    fmt::format("up after {}", describe(run.world.now() - begun)));
  }
  const std::string_view state = initiator.state(step.expect);
  if (is_about_a_target(run.scenario)) {
    return Unsupported{fmt::format("our initiator can't use it ({}): not judged",
                                   state.empty() ? "no answer to discovery" : state)};
  }
  return run.fail(fmt::format("{} up within {}", step.expect, describe(step.within)),
                  state.empty() ? "no answer to discovery" : fmt::format("it is {}", state));
}

StepResult play(RunState& run, const WarmupStep& step) {
  Load& load = run.start(step.reads);
  run.wait([&] { return load.done(); }, run.patience());
  const std::string expected = fmt::format("{} reads to warm up", step.reads.requests);
  if (load.wrong_data()) return run.fail_data(expected, step.reads.to, *load.wrong_data());
  if (load.done() && load.failed() == 0) return Passed{};
  return run.fail(expected,
                  fmt::format("{} completed, {} of them failed", load.completed(), load.failed()));
}

StepResult play(RunState& run, const ArmStep& step) {
  run.last_change = run.world.now();
  if (auto armed = run.faults.arm(step.fault); !armed) return armed.error();
  if (const auto* kill = std::get_if<KillSpec>(&step.fault.kind)) run.crash(kill->target);
  return Passed{};
}

StepResult play(RunState& run, const HealStep& step) {
  for (const std::string& id : step.ids) run.faults.heal(id);
  run.last_heal = run.last_change = run.world.now();
  return Passed{};
}

StepResult play(RunState& run, const IoStep& step) {
  run.start(step);
  return Passed{};
}

StepResult play(RunState& run, const WaitStep& step) {
  run.wait([] { return false; }, run.world.now() + step.time);
  return Passed{};
}

StepResult play(RunState& run, const SaysStep& step) {
  run.world.says(step.by, step.says, step.announce);
  return Passed{};
}

StepResult play(RunState& run, const HoldStep& step) {
  const Address device = run.scenario.network.lun(step.to).address;
  if (!step.open) {
    run.world.initiator(step.by).close(device);
  } else if (!run.world.initiator(step.by).open(device)) {
    return run.fail(fmt::format("{} can be opened", device), "it can't");
  }
  return Passed{};
}

StepResult send(RunState& run, const FrameSpec& frame) {
  if ((frame.repeat_buffers || frame.most_sectors) && !run.raw.counts()) {
    return run.fail("a config answer before this, to tell how many the target takes", "none");
  }
  const RawExchanges::Request& request = run.raw.send(frame);
  // One after another: a target need not have room for all of them.
  for (std::size_t i = 1; i < frame.sources.size() && !run.is_over(); ++i) {
    run.wait([&] { return request.all_answered(); }, run.world.now() + run.silence());
    run.raw.send_from(frame, frame.sources[i]);
  }
  return Passed{};
}

StepResult play(RunState& run, const SendStep& step) {
  return send(run, step.frame);
}

StepResult play(RunState& run, const QueryStep& step) {
  if (auto sent = send(run, step.query.request); !passed(sent)) return sent;
  if (run.is_over()) return Passed{};  // it was not allowed to
  return expect(run, step.query.reply);
}

StepResult play(RunState& run, const AliveStep& step) {
  constexpr Duration repeat = std::chrono::milliseconds(250);
  const Instant begun = run.world.now();
  const Instant deadline = begun + step.within.value_or(RtoModel::most);
  FrameSpec query = plain_request(Command::config);
  query.initiator = step.by;
  query.target = step.to;
  std::vector<const RawExchanges::Request*> queries;  // an answer to any of them is one
  const auto answered = [&] {
    return std::ranges::any_of(queries, [](const auto* each) { return !each->answers.empty(); });
  };
  while (run.world.now() < deadline && !run.is_over()) {
    queries.push_back(&run.raw.send(query));
    if (run.wait(answered, std::min(deadline, run.world.now() + repeat))) return Passed{};
  }
  std::vector<FrameId> asked;
  for (const auto* each : queries) asked.push_back(each->frame);
  if (asked.size() > 2) asked.erase(asked.begin() + 1, asked.end() - 1);
  return run.fail("the target still answers",
                  fmt::format("no query was answered in {}", describe(run.world.now() - begun)),
                  asked);
}

StepResult play(RunState& run, const PowerStep& step) {
  TargetEnd& target = run.world.target(step.target);
  run.last_change = run.world.now();
  Control done;
  switch (step.what) {
    case PowerStep::What::kill: done = target.kill(); break;
    case PowerStep::What::demote: done = target.stop(); break;
    case PowerStep::What::start:
    case PowerStep::What::promote: done = target.start(); break;
  }
  if (!done) return done.error();
  const bool comes = step.what == PowerStep::What::start || step.what == PowerStep::What::promote;
  if (comes) run.last_heal = run.world.now();
  if (step.what == PowerStep::What::kill) run.crash(step.target);
  if (step.what == PowerStep::What::demote) run.parties.interrupted(step.target);
  return Passed{};
}

StepResult play(RunState& run, const AdvertisedStep& step) {
  FrameSpec identify = ata_request(ata::Opcode::identify_device, 1);
  identify.initiator = run.scenario.network.first(Node::Role::initiator);
  identify.target = run.scenario.network.first_device();
  const RawExchanges::Request& request = run.raw.send(identify);
  run.wait([&] { return !request.answers.empty(); }, request.sent + RtoModel::most);
  if (request.answers.empty()) {
    return run.fail("an answer to IDENTIFY DEVICE", "none", {request.frame});
  }
  const Bytes answer = request.answers.front().bytes;
  const auto identity =
      parse_identify(answer.subspan(std::min<std::size_t>(ata_header_size, answer.size())));
  if (!identity) {
    return run.fail("data of IDENTIFY DEVICE", std::string(aoe::text(identity.error().rule)),
                    {request.frame, request.answers.front().id});
  }
  for (const Feature feature : step.features) {
    if (has(*identity, feature)) continue;
    return Unsupported{fmt::format("IDENTIFY does not advertise {}", text(feature))};
  }
  return Passed{};
}

}  // namespace

StepResult play_step(RunState& run, const Step& step) {
  return std::visit([&run](const auto& what) { return play(run, what); }, step.what);
}

}  // namespace aoe::harness
