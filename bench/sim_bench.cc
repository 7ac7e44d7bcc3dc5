// Times the simulated world: frames per second through both engines, the link with its checks and
// the ledger, on one core.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "harness/run/runner.h"
#include "harness/world/sim_world.h"

namespace aoe::harness {
namespace {

constexpr const char* two_nodes = R"(
scenario: bench
title: Reads and writes without faults
roles: {target: {size: 8MiB, buffers: 64, fill: zero}}
given: {rtt: 200us, maxout: 64}
steps:
  - discover: {expect: e1.1, within: 3s}
)";

constexpr const char* sixteen_nodes = R"(
scenario: bench
title: Eight initiators on one segment, each at a target of its own
nodes:
  i: {role: initiator, count: 8}
  t: {role: target, count: 8, shelf: 1, slot: 1, size: 8MiB, buffers: 64, fill: zero}
given: {rtt: 200us, maxout: 64}
steps:
  - discover: {expect: e1.1, within: 3s}
)";

/// Keeps requests of four sectors outstanding, every other one a write. Does not check data: the
/// benchmark measures the cost of frames.
class Flow {
 public:
  Flow(SimWorld& world, NodeIndex by, Address device, std::size_t depth)
      : world_(world), by_(by), device_(device) {
    buffers_.resize(depth);
  }

  void start(std::uint64_t requests) {
    left_ = requests;
    for (std::size_t i = 0; i < buffers_.size(); ++i) submit(i);
  }
  bool done() const { return open_ == 0; }

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
  const NodeIndex by_;
  const Address device_;
  std::vector<Buffer> buffers_;
  std::uint64_t left_ = 0;
  std::size_t open_ = 0;
};

/// Each initiator works on the first LUN of a target of its own, with as many requests outstanding as
/// the argument says.
void frames_of(benchmark::State& state, const char* text) {
  const auto scenario = parse_scenario(text, "bench");
  AOE_CHECK(scenario.has_value());
  const Network& network = scenario->network;
  const std::vector<NodeIndex> initiators = network.all(Node::Role::initiator);
  const std::vector<NodeIndex> targets = network.all(Node::Role::target);
  Ledger ledger(SimWorld::origin, "/var/tmp");
  Parties parties(ledger, *scenario);
  FaultStage stage(ledger, parties, {}, 1, network);
  SimWorld world(*scenario, stage, parties, 1);
  std::deque<Flow> flows;
  for (std::size_t i = 0; i < initiators.size(); ++i) {
    const Address device = network.lun({targets[i], 0}).address;
    InitiatorEnd& initiator = world.initiator(initiators[i]);
    initiator.discover(device);
    AOE_CHECK(world.run_until([&] { return initiator.is_up(device); },
                              world.now() + std::chrono::seconds(3)));
    flows.emplace_back(world, initiators[i], device, static_cast<std::size_t>(state.range(0)));
  }
  const auto run = [&] {
    for (Flow& flow : flows) flow.start(1000);
    AOE_CHECK(world.run_until([&] { return std::ranges::all_of(flows, &Flow::done); },
                              world.now() + std::chrono::minutes(1)));
  };
  run();
  const FrameId first = ledger.size();
  for (auto _ : state) run();
  state.SetItemsProcessed(static_cast<std::int64_t>(ledger.size() - first));
  AOE_CHECK(parties.findings().empty());
}

void sim_frames(benchmark::State& state) {
  frames_of(state, two_nodes);
}
BENCHMARK(sim_frames)->Arg(1)->Arg(16)->Arg(64);

void sim_frames_of_sixteen_nodes(benchmark::State& state) {
  frames_of(state, sixteen_nodes);
}
BENCHMARK(sim_frames_of_sixteen_nodes)->Arg(16);

}  // namespace
}  // namespace aoe::harness
