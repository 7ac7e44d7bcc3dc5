#include "harness/run/draw.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "base/check.h"
#include "harness/run/dice.h"
#include "harness/run/draw_fault.h"
#include "harness/run/draw_network.h"

namespace aoe::harness {
namespace {

/// What is drawn comes from other numbers than faults' chances and the LBAs of I/O.
constexpr std::uint64_t draw_stream = 0x20;

class Drawing {
 public:
  Drawing(const ExploreSpec& spec, std::uint64_t sectors, std::uint64_t seed)
      : spec_(spec), sectors_(sectors), dice_(seed ^ draw_stream) {}

  std::vector<std::string> steps() {
    for (round_ = 1; round_ <= spec_.rounds; ++round_) {
      // What is left over is the last one's.
      std::uint32_t requests = spec_.requests / spec_.rounds;
      if (round_ == spec_.rounds) requests += spec_.requests % spec_.rounds;
      if (requests > 0) round(requests);
    }
    return std::move(steps_);
  }

 private:
  template <class... Arguments>
  void step(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    steps_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void round(std::uint32_t requests) {
    const std::uint64_t faults = dice_.from(1, spec_.at_once);
    std::vector<std::string> armed;
    for (std::uint64_t i = 0; i < faults; ++i) armed.push_back(arm());
    const std::string io = fmt::format("load-{}", round_);
    load(io, requests);
    if (dice_.chance(50)) {
      step("wait: {}ms", dice_.from(1, 500));
      step("heal: {}", armed.back());
      armed.pop_back();
    }
    step("wait: {}ms", dice_.chance(80) ? dice_.from(1, 1500) : dice_.from(1500, 5000));
    if (!armed.empty()) step("heal: [{}]", fmt::join(armed, ", "));
    step("expect: {{io: {{id: {}, result: any}}}}", io);
    if (dice_.chance(50)) {
      step("io: {{id: flush-{}, op: flush}}", round_);
      step("expect: {{io: {{id: flush-{}, result: any}}}}", round_);
    }
    step("wait: 1s");  // longer than anything is on its way
    step("discover: {{within: 5s}}");
  }

  void load(const std::string& id, std::uint32_t requests) {
    static constexpr std::array operations{"mixed", "mixed", "read", "write"};
    static constexpr std::array<std::uint64_t, 5> counts{1, 2, 3, 8, 16};
    // No block is used twice.
    const std::uint64_t count =
        std::min(dice_.one_of(counts), std::max<std::uint64_t>(1, sectors_ / requests));
    const std::uint64_t depth = dice_.from(1, 32);
    step("io: {{id: {}, op: {}, count: {}, requests: {}, depth: {}}}", id, dice_.one_of(operations),
         count, requests, depth);
  }

  std::string arm() {
    const std::string& word = dice_.one_of(spec_.faults.empty() ? explored_faults() : spec_.faults);
    std::string id = fmt::format("{}-{}", word, ++faults_);
    const bool strikes_frames = std::ranges::count(explored_faults(), word) > 0;
    const std::vector<std::string> match =
        strikes_frames ? draw_match(dice_) : std::vector<std::string>{};
    const std::string selector = strikes_frames ? draw_selector(dice_, word, match) : "";
    step("arm: {{fault: {}, id: {}{}{}}}", word, id, draw_fault_keys(dice_, word, match), selector);
    return id;
  }

  const ExploreSpec& spec_;
  const std::uint64_t sectors_;
  Dice dice_;
  std::vector<std::string> steps_;
  std::uint32_t round_ = 0;
  std::uint32_t faults_ = 0;
};

/// What is drawn takes the place of `explore`.
YAML::Node with_network(const YAML::Node& exploration, const DrawnNetwork& drawn) {
  YAML::Node root;
  for (const auto& entry : exploration) {
    if (entry.first.Scalar() != "explore") {
      root[entry.first.Scalar()] = entry.second;
      continue;
    }
    root["network"] = YAML::Load(drawn.network);
    root["nodes"] = YAML::Load(drawn.nodes);
    for (const std::string& step : drawn.steps) root["steps"].push_back(YAML::Load(step));
  }
  return root;
}

}  // namespace

tl::expected<Scenario, std::string> draw(const Scenario& exploration, std::uint64_t seed,
                                         const std::string& name) {
  AOE_CHECK(exploration.explore);
  const ExploreSpec& spec = *exploration.explore;
  YAML::Node root;
  if (spec.topology) {
    root = with_network(YAML::Load(exploration.yaml), draw_network(spec, seed));
  } else {
    root = YAML::Load(exploration.yaml);
    root.remove("explore");
    for (const std::string& step : Drawing(spec, exploration.disk().sectors, seed).steps())
      root["steps"].push_back(YAML::Load(step));
  }
  return parse_scenario(fmt::format("# Drawn from seed {}.\n{}\n", seed, YAML::Dump(root)), name);
}

}  // namespace aoe::harness
