#include "harness/run/shrink.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "harness/run/exact_time.h"
#include "harness/run/minimise.h"
#include "harness/selftest/mutants.h"

namespace aoe::harness {
namespace {

using Steps = std::vector<YAML::Node>;

/// A scenario whose outcome depends on its seed fails with these, too, or names its own.
constexpr std::array<std::uint64_t, 3> other_seeds{101, 202, 303};

/// The fault that does to one frame what another one decided.
YAML::Node directed(const YAML::Node& original, const Decision& decision, const std::string& id,
                    const Network& network) {
  const auto& [direction, subject, nth, from, to] = decision.key;
  const Deed& deed = decision.deed;
  YAML::Node arm;
  if (deed.dropped) {
    arm["fault"] = original["fault"].Scalar() == "partition" ? "partition" : "drop";
    arm["id"] = id;
  } else if (deed.changed) {
    for (const auto& entry : original) {
      const std::string key = entry.first.Scalar();
      const bool selects = key == "match" || key == "nth" || key == "every" ||
                           key == "probability" || key == "during";
      if (!selects && key != "id") arm[key] = YAML::Clone(entry.second);
    }
    arm["id"] = id;
  } else if (deed.copies > 0) {
    arm["fault"] = "duplicate";
    arm["id"] = id;
    if (deed.copies > 1) arm["copies"] = deed.copies;
    if (deed.spread > Duration{}) arm["spread"] = exact_time(deed.spread);
  } else {
    arm["fault"] = "delay";
    arm["id"] = id;
    arm["by"] = exact_time(deed.delay);
  }
  YAML::Node match;
  match["direction"] = std::string(text(direction));
  if (subject.traffic != Traffic::other) match["command"] = std::string(text(subject.traffic));
  const bool has_sectors = subject.traffic == Traffic::read || subject.traffic == Traffic::write;
  if (has_sectors) {
    match["lba"] = subject.lba;
    match["count"] = static_cast<unsigned>(subject.sectors);
  }
  if (from != to) {
    match["from"] = network.nodes[from].name;
    match["to"] = network.nodes[to].name;
  }
  arm["match"] = match;
  arm["nth"] = nth;
  YAML::Node step;
  step["arm"] = arm;
  return step;
}

class Shrinker {
 public:
  Shrinker(const Schedule& schedule, const Try& run) : schedule_(schedule), run_(run) {}

  tl::expected<Shrunk, std::string> shrink();

 private:
  std::string try_it(const std::string& yaml, const std::vector<Decision>* plan,
                     std::uint64_t seed);
  bool fails(const Steps& steps, std::optional<std::uint64_t> seed = std::nullopt) {
    return try_it(text_of(steps), nullptr, seed.value_or(schedule_.seed)) == failure_;
  }
  std::string text_of(const Steps& steps) const;
  /// Arms are as they were, or one for each decision; an arm without decisions is gone.
  Steps with_directed(const std::vector<Decision>& decisions,
                      const std::map<std::string, bool>& as_it_was) const;
  Steps direct(const std::vector<Decision>& decisions);
  void replace_loads(Steps& steps, const std::vector<Decision>& decisions);
  void reduce_numbers(Steps& steps);
  void widen_matches(Steps& steps);
  void leave_out_nodes(const Steps& steps);
  /// Sets a key of a step's mapping, or removes it; keeps that where it still fails.
  bool keep_if_it_fails(Steps& steps, std::size_t at, const YAML::Node& changed);

  const Schedule& schedule_;
  const Try& run_;
  std::string failure_;  // how it fails
  YAML::Node root_;
  Steps steps_;  // as they were
  Network network_;
  std::size_t tries_ = 0;
};

std::string Shrinker::try_it(const std::string& yaml, const std::vector<Decision>* plan,
                             std::uint64_t seed) {
  const auto scenario = parse_scenario(yaml, "shrunk.yaml");
  if (!scenario) return {};
  ++tries_;
  return run_(*scenario, seed, plan);
}

void flow(YAML::Node node) {
  if (!node.IsMap() && !node.IsSequence()) return;
  node.SetStyle(YAML::EmitterStyle::Flow);
  for (auto entry : node) flow(node.IsMap() ? entry.second : YAML::Node(entry));
}

std::string Shrinker::text_of(const Steps& steps) const {
  // A line each, short enough to be read at a glance.
  std::string text;
  for (const auto& entry : root_) {
    const std::string key = entry.first.Scalar();
    if (key == "steps") {
      text += "steps:\n";
      for (const YAML::Node& step : steps) {
        YAML::Node line = YAML::Clone(step);
        line.SetStyle(YAML::EmitterStyle::Block);
        for (auto word : line) flow(word.second);
        text += "  - " + YAML::Dump(line) + "\n";
      }
      continue;
    }
    YAML::Node top;
    top[key] = YAML::Clone(entry.second);
    flow(top[key]);
    text += YAML::Dump(top) + "\n";
  }
  return text;
}

Steps Shrinker::with_directed(const std::vector<Decision>& decisions,
                              const std::map<std::string, bool>& as_it_was) const {
  std::map<std::string, std::vector<std::string>> ids;  // of what each fault became
  Steps steps;
  for (const YAML::Node& step : steps_) {
    if (const YAML::Node arm = step["arm"]) {
      const std::string id = arm["id"].Scalar();
      if (const auto kept = as_it_was.find(id); kept == as_it_was.end() || kept->second) {
        ids[id] = {id};
        steps.push_back(step);
        continue;
      }
      // The last one first: what one of them drops the next would not count.
      std::vector<const Decision*> own;
      for (const Decision& decision : decisions) {
        if (decision.fault == id) own.insert(own.begin(), &decision);
      }
      for (const Decision* decision : own) {
        const std::string name =
            own.size() == 1 ? id : fmt::format("{}.{}", id, ids[id].size() + 1);
        ids[id].push_back(name);
        steps.push_back(directed(arm, *decision, name, network_));
      }
    } else if (const YAML::Node heal = step["heal"]) {
      YAML::Node healed;
      const auto add = [&](const std::string& id) {
        for (const std::string& name : ids[id]) healed.push_back(name);
      };
      if (heal.IsScalar()) {
        add(heal.Scalar());
      } else {
        for (const auto& id : heal) add(id.Scalar());
      }
      YAML::Node changed;
      changed["heal"] = healed;
      if (healed.size() > 0) steps.push_back(changed);
    } else {
      steps.push_back(step);
    }
  }
  return steps;
}

/// Each fault that strikes frames becomes faults of just those frames, or stays as it was where
/// that is shorter and fails, too.
Steps Shrinker::direct(const std::vector<Decision>& decisions) {
  std::map<std::string, std::size_t> count;
  for (const YAML::Node& step : steps_) {
    const YAML::Node arm = step["arm"];
    if (!arm) continue;
    const auto& words = fault_words();
    const auto kind = std::ranges::find(words, arm["fault"].Scalar()) - words.begin();
    if (static_cast<std::size_t>(kind) < frame_fault_count) count[arm["id"].Scalar()] = 0;
  }
  for (const Decision& decision : decisions) ++count[decision.fault];
  std::map<std::string, bool> as_it_was;
  for (const auto& [id, decided] : count) as_it_was[id] = false;
  Steps steps = with_directed(decisions, as_it_was);
  bool found = fails(steps);
  for (const auto& [id, decided] : count) {
    if (found && decided <= 2) continue;
    as_it_was[id] = true;
    Steps shorter = with_directed(decisions, as_it_was);
    if (fails(shorter)) {
      steps = std::move(shorter);
      found = true;
    } else if (found) {
      as_it_was[id] = false;
    }
  }
  return found ? steps : steps_;
}

/// A load of the seed's LBAs becomes the few requests that the faults are about.
void Shrinker::replace_loads(Steps& steps, const std::vector<Decision>& decisions) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const YAML::Node io = steps[i]["io"];
    if (!io || io["lba"] || io["op"].Scalar() == "flush") continue;
    for (const Decision& decision : decisions) {
      const Subject& subject = decision.key.subject;
      if (subject.traffic != Traffic::read && subject.traffic != Traffic::write) continue;
      YAML::Node one;
      one["io"]["id"] = io["id"].Scalar();
      for (const char* who : {"by", "to"}) {
        if (io[who]) one["io"][who] = io[who].Scalar();
      }
      one["io"]["op"] = std::string(text(subject.traffic));
      one["io"]["lba"] = subject.lba;
      one["io"]["count"] = static_cast<unsigned>(subject.sectors);
      if (keep_if_it_fails(steps, i, one)) break;
    }
  }
}

bool Shrinker::keep_if_it_fails(Steps& steps, std::size_t at, const YAML::Node& changed) {
  Steps candidate = steps;
  candidate[at].reset(changed);  // to assign it would change the step that `steps` has, too
  if (!fails(candidate)) return false;
  steps = std::move(candidate);
  return true;
}

/// Fewer requests, fewer at once, fewer sectors.
void Shrinker::reduce_numbers(Steps& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i]["io"] && !steps[i]["warmup"]) continue;
    const std::string word = steps[i]["io"] ? "io" : "warmup";
    for (const char* key : {"requests", "reads", "depth", "count"}) {
      // Down to one at once, or by halves.
      for (std::uint64_t floor = 1; steps[i][word][key];) {
        const auto now = steps[i][word][key].as<std::uint64_t>();
        if (now <= floor) break;
        YAML::Node changed = YAML::Clone(steps[i]);
        changed[word][key] = floor;
        if (keep_if_it_fails(steps, i, changed)) break;
        floor = std::max(floor + 1, (floor + now) / 2);
      }
    }
  }
}

/// A fault is easier to understand the less it says of its frame.
void Shrinker::widen_matches(Steps& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const char* key : {"count", "lba", "direction", "from", "to"}) {
      if (!steps[i]["arm"] || !steps[i]["arm"]["match"] || !steps[i]["arm"]["match"][key]) continue;
      YAML::Node changed = YAML::Clone(steps[i]);
      changed["arm"]["match"].remove(key);
      if (changed["arm"]["match"].size() == 0) changed["arm"].remove("match");
      keep_if_it_fails(steps, i, changed);
    }
  }
}

/// Nodes, and segments, that have no part in it.
void Shrinker::leave_out_nodes(const Steps& steps) {
  for (const char* what : {"nodes", "network"}) {
    if (!root_[what]) continue;
    std::vector<std::string> names;
    for (const auto& entry : root_[what]) names.push_back(entry.first.Scalar());
    for (const std::string& name : names) {
      const YAML::Node before = YAML::Clone(root_[what]);
      root_[what].remove(name);
      if (!fails(steps)) root_[what] = before;
    }
  }
}

tl::expected<Shrunk, std::string> Shrinker::shrink() {
  const auto scenario =
      parse_scenario(schedule_.scenario, "its scenario").and_then(with_known_mutant);
  if (!scenario) return tl::unexpected(scenario.error());
  network_ = scenario->network;
  failure_ = try_it(schedule_.scenario, &schedule_.decisions, schedule_.seed);
  if (failure_.empty()) {
    return tl::unexpected(std::string(schedule_.failure.empty()
                                          ? "that run passed: there is nothing to shrink"
                                          : "played again, it passes: it can't be shrunk"));
  }
  const std::string rule = failure_.substr(0, failure_.find(':'));
  if (!schedule_.failure.empty() && rule != schedule_.failure) {
    return tl::unexpected(
        fmt::format("played again, it fails otherwise: by {}, not by {}", rule, schedule_.failure));
  }
  root_ = YAML::Load(schedule_.scenario);
  for (const auto& step : root_["steps"]) steps_.push_back(step);
  Shrunk shrunk{.rule = rule,
                .seed = schedule_.seed,
                .decisions_before = schedule_.decisions.size(),
                .steps_before = steps_.size()};

  const auto decisions =
      minimise<Decision>(schedule_.decisions, [&](const std::vector<Decision>& some) {
        return try_it(schedule_.scenario, &some, schedule_.seed) == failure_;
      });
  Steps steps = direct(decisions);
  const auto leave_out = [&] {
    steps = minimise<YAML::Node>(std::move(steps),
                                 [&](const Steps& some) { return !some.empty() && fails(some); });
  };
  leave_out();
  replace_loads(steps, decisions);
  reduce_numbers(steps);
  widen_matches(steps);
  leave_out();
  leave_out_nodes(steps);

  root_["scenario"] = root_["scenario"].Scalar() + "-shrunk";
  const bool of_any_seed =
      std::ranges::all_of(other_seeds, [&](std::uint64_t seed) { return fails(steps, seed); });
  if (!of_any_seed) root_["seed"] = schedule_.seed;
  shrunk.yaml = fmt::format("# Breaks: {}. Shrunk from a run with seed {}.\n{}", shrunk.rule,
                            schedule_.seed, text_of(steps));
  shrunk.decisions = decisions.size();
  shrunk.steps = steps.size();
  shrunk.tries = tries_;
  return shrunk;
}

}  // namespace

tl::expected<Shrunk, std::string> shrink(const Schedule& schedule, const Try& run) {
  return Shrinker(schedule, run).shrink();
}

}  // namespace aoe::harness
