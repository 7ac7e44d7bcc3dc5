#include "harness/run/trial.h"

#include <fmt/format.h>

#include "harness/run/child_pool.h"
#include "harness/run/runner.h"
#include "harness/run/scratch_folder.h"
#include "harness/selftest/mutants.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

/// Of Finding and FailureRecord, which have the same members.
template <class Failure>
void take(const std::vector<Failure>& failures, Trial& trial) {
  if (failures.empty()) return;
  const Failure& first = failures.front();
  trial.rule = first.rule;
  trial.clause = first.clause;
  trial.field = first.field;
  trial.expected = first.expected;
  trial.actual = first.actual;
}

}  // namespace

std::string Trial::kind() const {
  if (outcome != Outcome::failed) return {};
  std::string kind = rule + ":";
  for (const std::string& part :
       {clause, field, expected.substr(0, expected.find_first_of("#([0123456789"))}) {
    if (!part.empty()) kind += " " + part;
  }
  // An end that gave out: it matters how.
  if (rule == "world") kind += ": " + actual.substr(0, actual.find(';'));
  return kind;
}

std::string Trial::failure() const {
  return rule.empty() ? reason : rule + ": " + actual;
}

Trial trial_of(const CaseRecord& record) {
  Trial trial{.outcome = record.outcome,
              .reason = record.reason,
              .requests = record.requests,
              .frames = record.frames};
  take(record.failures, trial);
  return trial;
}

Trial try_in_sim(const Scenario& scenario, std::uint64_t seed, const std::vector<Decision>* plan) {
  Ledger ledger(SimWorld::origin);
  Parties parties(ledger, scenario);
  FaultStage stage(ledger, parties, {}, seed, scenario.network);
  if (plan != nullptr) stage.follow(*plan);
  SimWorld world(scenario, stage, parties, seed, mutant_of(scenario));
  const Verdict verdict = play_scenario(scenario, world, ledger, parties, seed);
  Trial trial{.outcome = verdict.outcome,
              .reason = verdict.reason,
              .decisions = stage.decisions(),
              .requests = verdict.requests,
              .frames = ledger.size()};
  take(verdict.failures, trial);
  return trial;
}

Trial try_apart(const Scenario& scenario, const CaseOptions& options, std::uint64_t seed,
                const std::vector<Decision>* plan, std::chrono::seconds patience) {
  Trial trial{.outcome = Outcome::broken};
  const ScratchFolder folder("aoe-trial");
  if (folder.path().empty()) {
    trial.reason = "no folder for a trial can be made";
    return trial;
  }
  CaseOptions as_planned = options;
  as_planned.plan.reset();
  if (plan != nullptr) as_planned.plan = *plan;
  ChildPool pool;
  pool.patience = patience;
  pool.work = [&](std::size_t) {
    return to_json(run_case(scenario, as_planned, seed, folder.path()));
  };
  pool.ended = [&](const ChildEnd& end) {
    if (!end.death.empty()) {
      trial.outcome = Outcome::inconclusive;
      trial.reason = "the harness itself " + end.death;
    } else if (const auto record = case_from_json(end.output)) {
      trial = trial_of(*record);
    } else {
      trial.reason = "its record can't be read: " + record.error();
    }
  };
  pool.run(1);
  return trial;
}

}  // namespace aoe::harness
