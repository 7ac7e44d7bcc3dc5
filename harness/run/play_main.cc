// Plays scenarios in the sim world and prints what they find, a line each: for engines that are
// wrong on purpose (AOE_BREAK), and no more. Ends with 1 if anything was found.
#include <algorithm>

#include <fmt/format.h>

#include "harness/run/runner.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

bool passes(const Scenario& scenario) {
  constexpr std::uint64_t seed = 1;
  Ledger ledger(SimWorld::origin);
  Exchanges exchanges(ledger, scenario.target.buffers, scenario.given.profile,
                      scenario.given.maxout);
  FaultStage stage(ledger, exchanges, {}, seed);
  SimWorld world(scenario, stage, exchanges, seed);
  const Verdict verdict = Runner(scenario, world, ledger, exchanges, seed).run();
  for (const Finding& failure : verdict.failures) {
    fmt::print("{}: expected {}: {}\n", scenario.id, failure.expected, failure.actual);
  }
  return verdict.failures.empty();
}

int play(std::span<char*> files) {
  bool passed = true;
  for (const char* const file : files) {
    const auto scenarios = load_scenarios(file);
    if (!scenarios) {
      fmt::print(stderr, "{}\n", scenarios.error());
      return 2;
    }
    for (const Scenario& scenario : *scenarios) passed = passes(scenario) && passed;
  }
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace aoe::harness

int main(int argc, char** argv) {
  return aoe::harness::play(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
}
