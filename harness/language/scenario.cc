#include "harness/language/scenario.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "config/yaml_file.h"
#include "harness/language/abilities.h"
#include "harness/language/clauses.h"
#include "harness/language/variants.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

MutantSpec parse_mutant(YamlMap map, const Network& network) {
  MutantSpec mutant;
  map.require("end");
  mutant.node = parse_node(map, "end", network, NodeIndex{0});
  mutant.behaviour = map.text("behave");
  mutant.mark = map.mark_of(map.require("behave"));
  map.finish();
  return mutant;
}

Givens parse_given(YamlMap map) {
  Givens given;
  for (const YAML::Node& key : map.keys()) given.names.insert(key.Scalar());
  const Duration deadsecs = map.duration("deadsecs", given.deadsecs);
  given.deadsecs = std::chrono::duration_cast<std::chrono::seconds>(deadsecs);
  if (given.deadsecs != deadsecs)
    map.fail(map.require("deadsecs"), "deadsecs: expected whole seconds, such as 5s");
  given.maxout = static_cast<std::uint16_t>(map.number("maxout", given.maxout, 1, 65535));
  given.mtu = static_cast<std::uint16_t>(map.number("mtu", given.mtu, 0, 65535, "bytes"));
  if (sectors_per_frame(given.mtu) == 0)
    map.fail(map.require("mtu"), "mtu: expected room for a sector: 534 bytes or more");
  given.rtt = map.duration("rtt", given.rtt);
  if (map.has("profile")) {
    const bool linux_driver = map.choice("profile", {"rfc6298", "linux"}) == 1;
    given.profile = linux_driver ? initiator::Profile::linux_driver : initiator::Profile::rfc6298;
  }
  if (map.has("clock")) {
    constexpr std::uint64_t most = 4'000'000'000;  // 127 years, which Linux bears
    given.clock = std::chrono::seconds(map.number("clock", 0, 1, most, "seconds"));
  }
  given.early_retransmission = map.boolean("early-retransmission", given.early_retransmission);
  if (map.has("late-duplicates"))
    given.late_duplicates_fail = map.choice("late-duplicates", {"fail", "tell"}) == 0;
  map.finish();
  return given;
}

std::vector<std::string> chosen(YamlMap& map, const std::string& key,
                                const std::vector<std::string>& words) {
  std::vector<std::string> texts;
  if (!map.has(key)) return texts;
  for (const std::size_t choice : map.choices(key, words)) texts.push_back(words[choice]);
  return texts;
}

ExploreSpec parse_explore(YamlMap map) {
  ExploreSpec spec;
  const auto number = [&](const std::string& key, std::uint32_t fallback, std::uint64_t most) {
    return static_cast<std::uint32_t>(map.number(key, fallback, 1, most));
  };
  spec.requests = number("requests", spec.requests, 100'000);
  spec.rounds = number("rounds", spec.rounds, 100);
  spec.at_once = number("at-once", spec.at_once, 10);
  spec.faults = chosen(map, "faults", drawn_faults());
  if (map.has("faults") && spec.faults.empty())
    map.fail(map.require("faults"), "faults: expected some");
  spec.topology = map.boolean("topology", spec.topology);
  map.finish();
  return spec;
}

std::vector<std::string> names_of(YamlMap& map, const std::string& key) {
  for (const YAML::Node& item : map.items(key)) {
    if (!is_name(item.Scalar()))
      map.fail(item, fmt::format("{}: expected names of letters, digits and - _ .", key));
  }
  return map.texts(key);
}

std::vector<std::string> parse_requires(YamlMap& map) {
  for (const YAML::Node& item : map.items("requires")) {
    const std::string& word = item.Scalar();
    if (ability_words().contains(word)) continue;
    map.fail(item, fmt::format("requires: there is no '{}'{}", word,
                               known_instead(word, ability_words())));
  }
  return map.texts("requires");
}

std::vector<std::string> parse_clauses_cited(YamlMap& map) {
  for (const YAML::Node& item : map.items("clause")) {
    const std::string& id = item.Scalar();
    if (clause_catalogue().find(id) != nullptr) continue;
    map.fail(item, fmt::format("clause: there is no '{}'{} (aoe-harness clauses lists them)", id,
                               did_you_mean(id, clause_catalogue().ids())));
  }
  return map.texts("clause");
}

std::vector<Check> parse_always(YamlMap& map) {
  std::vector<std::string> names;
  names.reserve(check_count);
  for (int i = 0; i < check_count; ++i) names.emplace_back(text(static_cast<Check>(i)));
  std::vector<std::size_t> chosen(check_count);
  std::iota(chosen.begin(), chosen.end(), 0U);
  if (map.has("always")) chosen = map.choices("always", names);
  std::vector<Check> checks;
  checks.reserve(chosen.size());
  for (const std::size_t check : chosen) checks.push_back(static_cast<Check>(check));
  return checks;
}

/// Throws YamlError where a scenario has what its exploration is to draw.
void check_all_is_drawn(YamlMap& map) {
  for (const char* key : {"roles", "network", "nodes", "mutant", "steps", "matrix"}) {
    if (map.has(key))
      map.fail(map.require(key), fmt::format("{}: drawn, where explore has the topology", key));
  }
}

/// `roles`, or `network` and `nodes`.
void parse_parties(YamlMap& map, Scenario& scenario) {
  if (map.has("nodes")) {
    if (map.has("roles"))
      map.fail(map.require("roles"), "roles: it is short for nodes; expected one of the two");
    scenario.network = parse_network(map, scenario.given.mtu);
    if (map.has("mutant")) scenario.mutant = parse_mutant(map.map("mutant"), scenario.network);
    return;
  }
  YamlMap roles = map.map("roles");
  scenario.network = parse_roles(roles, scenario.given.mtu);
  if (roles.has("mutant")) scenario.mutant = parse_mutant(roles.map("mutant"), scenario.network);
  roles.finish();
}

void parse_steps(YamlMap& map, Scenario& scenario) {
  const YAML::Node steps = map.require("steps");
  if (!steps.IsSequence() || steps.size() == 0) map.fail(steps, "steps: expected a list of steps");
  StepNames names{scenario.file, scenario.network};
  for (const YAML::Node& step : steps) scenario.steps.push_back(read_step(step, names));
  names.finish();
}

Scenario parse(const Variant& variant, const std::string& file) {
  YamlMap map(variant.root, file, "scenario");
  Scenario scenario;
  scenario.mark = map.mark();
  scenario.file = file;
  scenario.yaml = variant.yaml;
  scenario.name = map.name("scenario");
  scenario.id = scenario.name;
  map.find("matrix");  // known, and done with
  if (const auto values = map.find("variant")) {
    const YamlMap axes(*values, file, "variant");
    scenario.id = variant_id(scenario.name, *values);
  }
  scenario.title = map.text("title");
  scenario.clauses = parse_clauses_cited(map);
  if (!scenario.clauses.empty()) scenario.level = strictest_of(scenario.clauses);
  if (map.has("level")) scenario.level = static_cast<Level>(map.choice("level", level_words));
  scenario.tags = names_of(map, "tags");
  scenario.worlds = chosen(map, "worlds", {"sim", "veth", "interface", "remote"});
  scenario.needs = parse_requires(map);
  if (map.has("given")) scenario.given = parse_given(map.map("given"));
  if (map.has("seed")) scenario.seed = map.number("seed", 0, 0, UINT64_MAX);
  if (map.has("explore")) scenario.explore = parse_explore(map.map("explore"));
  if (scenario.explore && scenario.explore->topology) {
    check_all_is_drawn(map);
  } else {
    parse_parties(map, scenario);
    parse_steps(map, scenario);
  }
  scenario.always = parse_always(map);
  if (map.has("finally")) {
    YamlMap finally = map.map("finally");
    finally.choice("all-io", {"resolved"});
    if (finally.has("within")) scenario.settle = finally.duration("within", {});
    finally.finish();
  }
  if (map.has("must-fail")) scenario.must_fail = map.text("must-fail");
  map.finish();
  return scenario;
}

std::vector<Scenario> parse_all(const std::string& text, const std::string& file) {
  std::vector<Scenario> scenarios;
  for (const Variant& variant : expand(text, file)) {
    Scenario scenario = parse(variant, file);
    const auto same = std::ranges::find(scenarios, scenario.id, &Scenario::id);
    if (same != scenarios.end()) {
      fail_at(scenario.mark,
              fmt::format("scenario '{}' is in line {}, too", scenario.id, same->mark.line));
    }
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

}  // namespace

const std::vector<std::string>& explored_faults() {
  static const std::vector<std::string> frames(fault_words().begin(),
                                               fault_words().begin() + frame_fault_count);
  return frames;
}

const std::vector<std::string>& drawn_faults() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> words = explored_faults();
    words.insert(words.end(), {"link-down", "pause", "mac-change", "disk-error", "slow-disk",
                               "interface-gone", "kill"});
    return words;
  }();
  return all;
}
bool plays_initiator(const Scenario& scenario) {
  const auto plays = [](const Step& step) { return plays_initiator(step); };
  return scenario.explore || std::ranges::any_of(scenario.steps, plays);
}

tl::expected<std::vector<Scenario>, std::string> parse_scenarios(const std::string& text,
                                                                 const std::string& name) {
  return read_whole(name, [&] { return parse_all(text, name); });
}

tl::expected<Scenario, std::string> parse_scenario(const std::string& text,
                                                   const std::string& name) {
  auto scenarios = parse_scenarios(text, name);
  if (!scenarios) return tl::unexpected(scenarios.error());
  if (scenarios->size() != 1) {
    return tl::unexpected(complaint_at((*scenarios)[1].mark, "expected one scenario, got several"));
  }
  return std::move(scenarios->front());
}

tl::expected<std::vector<Scenario>, std::string> load_scenarios(const std::string& path) {
  const auto text = file_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse_scenarios(*text, path);
}

}  // namespace aoe::harness
