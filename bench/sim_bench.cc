// The sim world: frames a second through both engines, the link and the ledger, on one core.
#include <benchmark/benchmark.h>

#include "harness/run/runner.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

constexpr const char* scenario_text = R"(
scenario: bench
title: Reads and writes without faults
roles: {target: {size: 64MiB, buffers: 64}}
given: {rtt: 200us}
steps:
  - discover: {expect: e1.1, within: 3s}
  - io: {id: load, op: mixed, count: 8, requests: 4000, depth: 16}
  - expect: {io: {id: load, result: ok}}
)";

void sim_frames(benchmark::State& state) {
  const auto scenario = parse_scenario(scenario_text, "bench");
  AOE_CHECK(scenario.has_value());
  std::int64_t frames = 0;
  for (auto _ : state) {
    Ledger ledger(SimWorld::origin);
    Exchanges exchanges(ledger, scenario->target.buffers);
    FaultStage stage(ledger, exchanges, {}, 1);
    SimWorld world(*scenario, stage, exchanges, 1);
    Runner runner(*scenario, world, ledger, exchanges, 1);
    AOE_CHECK(runner.run().outcome == Outcome::passed);
    frames += ledger.size();
  }
  state.SetItemsProcessed(frames);
}
BENCHMARK(sim_frames)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace aoe::harness
