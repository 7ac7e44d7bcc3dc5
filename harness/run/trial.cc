#include "harness/run/trial.h"

#include <algorithm>

#include "harness/selftest/mutants.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {

std::string Trial::rule() const {
  if (verdict.outcome != Outcome::failed && verdict.outcome != Outcome::broken) return {};
  return verdict.failures.empty() ? "world" : verdict.failures.front().rule;
}

std::string Trial::kind() const {
  if (rule().empty() || verdict.failures.empty()) return rule();
  const std::string& expected = verdict.failures.front().expected;
  return rule() + ": " + expected.substr(0, expected.find_first_of("#([0123456789"));
}

std::string Trial::failure() const {
  if (verdict.failures.empty()) return verdict.reason;
  return rule() + ": " + verdict.failures.front().actual;
}

Trial try_in_sim(const Scenario& scenario, std::uint64_t seed, const std::vector<Decision>* plan) {
  Ledger ledger(SimWorld::origin);
  Exchanges exchanges(ledger, scenario.target.buffers, scenario.given.profile,
                      scenario.given.maxout);
  FaultStage stage(ledger, exchanges, {}, seed);
  if (plan != nullptr) stage.follow(*plan);
  SimWorld world(scenario, stage, exchanges, seed, mutant_of(scenario));
  Verdict verdict = play_scenario(scenario, world, ledger, exchanges, seed);
  return {std::move(verdict), stage.decisions(), ledger.size()};
}

}  // namespace aoe::harness
