// Times the simulated world: frames per second through both engines, the link with its checks and
// the ledger, on one core.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "harness/run/runner.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

constexpr const char* scenario_text = R"(
scenario: bench
title: Reads and writes without faults
roles: {target: {size: 8MiB, buffers: 64, fill: zero}}
given: {rtt: 200us, maxout: 64}
steps:
  - discover: {expect: e1.1, within: 3s}
)";

/// Keeps requests of four sectors outstanding, every other one a write. Does not check data: the
/// benchmark measures the cost of frames.
class Flow {
 public:
  Flow(SimWorld& world, Address device, std::size_t depth) : world_(world), device_(device) {
    buffers_.resize(depth);
  }

  void run(std::uint64_t requests) {
    left_ = requests;
    for (std::size_t i = 0; i < buffers_.size(); ++i) submit(i);
    world_.run_until([this] { return open_ == 0; }, never);
  }

 private:
  using Buffer = std::array<std::uint8_t, 4 * sector_size>;

  void submit(std::size_t i) {
    if (left_ == 0) return;
    --left_;
    ++open_;
    initiator::IoRequest request{.device = device_, .lba = 4 * (left_ % 4096)};
    if (left_ % 2 == 0) {
      request.kind = initiator::IoKind::write;
      request.from = buffers_[i];
    } else {
      request.into = buffers_[i];
    }
    world_.initiator(initiator_node)
        .submit(request, [this, i](const initiator::Completion& completion) {
          AOE_CHECK(completion.error == initiator::IoError::none);
          --open_;
          submit(i);
        });
  }

  SimWorld& world_;
  const Address device_;
  std::vector<Buffer> buffers_;
  std::uint64_t left_ = 0;
  std::size_t open_ = 0;
};

/// Argument: requests outstanding.
void sim_frames(benchmark::State& state) {
  const auto scenario = parse_scenario(scenario_text, "bench");
  AOE_CHECK(scenario.has_value());
  const Address device = scenario->lun().address;
  Ledger ledger(SimWorld::origin, "/var/tmp");
  Parties parties(ledger, *scenario);
  FaultStage stage(ledger, parties, {}, 1, scenario->network);
  SimWorld world(*scenario, stage, parties, 1);
  world.initiator(initiator_node).discover(device);
  world.run_until([&] { return world.initiator(initiator_node).is_up(device); },
                  SimWorld::origin + std::chrono::seconds(3));
  Flow flow(world, device, static_cast<std::size_t>(state.range(0)));
  flow.run(1000);
  const FrameId first = ledger.size();
  for (auto _ : state) flow.run(1000);
  state.SetItemsProcessed(static_cast<std::int64_t>(ledger.size() - first));
  AOE_CHECK(parties.findings().empty());
}
BENCHMARK(sim_frames)->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace aoe::harness
