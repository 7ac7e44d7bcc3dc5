#include "harness/run/draw.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "base/check.h"

namespace aoe::harness {
namespace {

/// What is drawn comes from other numbers than faults' chances and the LBAs of I/O.
constexpr std::uint64_t draw_stream = 0x20;

/// Damage that the receiver can notice. A frame that says something else and still makes sense
/// would be a failure of neither end.
const std::vector<std::string> damages{
    "set: {version: 2}",         "set: {ethertype: 0x88a3}",
    "xor: {tag: 0x7fff0000}",    "xor: {shelf: 0x0f00}",
    "xor: {slot: 0x40}",         "set: {command: 0xee}",
    "xor: {flags: 0x8}",         "set: {destination: 0x020000000077}",
    "set: {version: 0, tag: 0}",
};

class Drawing {
 public:
  Drawing(const ExploreSpec& spec, std::uint64_t sectors, std::uint64_t seed)
      : spec_(spec), sectors_(sectors), random_(seed ^ draw_stream) {}

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
  /// From `least` to `most`, both included. By hand: distributions differ between libraries.
  std::uint64_t from(std::uint64_t least, std::uint64_t most) {
    return least + random_() % (most - least + 1);
  }
  bool chance(unsigned percent) { return from(1, 100) <= percent; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[static_cast<std::size_t>(random_() % std::size(list))];
  }
  template <class... Arguments>
  void step(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    steps_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void round(std::uint32_t requests) {
    const std::uint64_t faults = from(1, spec_.at_once);
    std::vector<std::string> armed;
    for (std::uint64_t i = 0; i < faults; ++i) armed.push_back(arm());
    const std::string io = fmt::format("load-{}", round_);
    load(io, requests);
    if (chance(50)) {
      step("wait: {}ms", from(1, 500));
      step("heal: {}", armed.back());
      armed.pop_back();
    }
    step("wait: {}ms", chance(80) ? from(1, 1500) : from(1500, 5000));
    if (!armed.empty()) step("heal: [{}]", fmt::join(armed, ", "));
    step("expect: {{io: {{id: {}, result: any}}}}", io);
    if (chance(50)) {
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
        std::min(one_of(counts), std::max<std::uint64_t>(1, sectors_ / requests));
    step("io: {{id: {}, op: {}, count: {}, requests: {}, depth: {}}}", id, one_of(operations),
         count, requests, from(1, 32));
  }

  std::string arm() {
    const std::string& word = one_of(spec_.faults.empty() ? explored_faults() : spec_.faults);
    std::string id = fmt::format("{}-{}", word, ++faults_);
    step("arm: {{fault: {}, id: {}{}{}}}", word, id, keys(word), selector(word));
    return id;
  }

  std::string keys(const std::string& word) {
    if (word == "duplicate") {
      return fmt::format(", copies: {}, spread: {}us", from(1, 3), from(0, 3000));
    }
    if (word == "delay")
      return fmt::format(", by: {}us, jitter: {}us", from(1, 20'000), from(0, 10'000));
    if (word == "reorder") return fmt::format(", by: {}us", from(50, 5000));
    if (word == "corrupt") return ", " + one_of(damages);
    if (word == "truncate") {
      static constexpr std::array<std::uint64_t, 7> sizes{14, 20, 23, 24, 35, 36, 500};
      return fmt::format(", to: {}", one_of(sizes));
    }
    if (word == "rate") return fmt::format(", at: {}Mbit, queue: {}KiB", from(1, 100), from(2, 64));
    if (word == "mac-change") {
      return fmt::format(", mac: \"02:00:00:00:01:{:02x}\"", from(0, 255));
    }
    if (word == "disk-error") return ", op: [read, write, flush]";
    return "";
  }

  std::string selector(const std::string& word) {
    if (std::ranges::find(explored_faults(), word) == explored_faults().end()) return "";
    std::vector<std::string> match;
    if (chance(60)) {
      match.push_back(chance(50) ? "direction: to-target" : "direction: to-initiator");
    }
    if (chance(50)) {
      static constexpr std::array commands{"ata", "read", "write", "flush", "identify", "config"};
      match.push_back(fmt::format("command: {}", one_of(commands)));
    }
    std::string text = match.empty() ? "" : fmt::format(", match: {{{}}}", fmt::join(match, ", "));
    if (word == "partition") {
      if (chance(70)) text += fmt::format(", during: [0ms, {}ms]", from(1, 1500));
    } else if (word != "rate" && word != "delay") {
      const std::uint64_t kind = from(0, 2);
      if (kind == 0) text += fmt::format(", nth: {}", from(1, 50));
      if (kind == 1) text += fmt::format(", every: {}", from(2, 30));
      if (kind == 2) text += fmt::format(", probability: 0.{:02}", from(1, 30));
    }
    return text;
  }

  const ExploreSpec& spec_;
  const std::uint64_t sectors_;
  std::mt19937_64 random_;
  std::vector<std::string> steps_;
  std::uint32_t round_ = 0;
  std::uint32_t faults_ = 0;
};

}  // namespace

tl::expected<Scenario, std::string> draw(const Scenario& exploration, std::uint64_t seed,
                                         const std::string& name) {
  AOE_CHECK(exploration.explore);
  YAML::Node root = YAML::Load(exploration.yaml);
  root.remove("explore");
  for (const std::string& step :
       Drawing(*exploration.explore, exploration.disk().sectors, seed).steps()) {
    root["steps"].push_back(YAML::Load(step));
  }
  return parse_scenario(fmt::format("# Drawn from seed {}.\n{}\n", seed, YAML::Dump(root)), name);
}

}  // namespace aoe::harness
