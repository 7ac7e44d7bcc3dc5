#include "harness/testing/test_play.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

Scenario must_parse(const std::string& yaml) {
  auto scenario = parse_scenario(yaml, "trial.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  if (!scenario) std::abort();
  return *std::move(scenario);
}

}  // namespace

Play::Play(const std::string& yaml, Maker maker, std::uint64_t seed, Captures captures)
    : scenario(must_parse(yaml)),
      parties(ledger, scenario),
      stage(ledger, parties, std::move(captures), seed, scenario.network),
      world(maker(scenario, stage, parties, seed)),
      verdict(play_scenario(scenario, *world, ledger, parties, seed, EachAnswer::judged)) {}

std::string Play::failures() const {
  std::string lines;
  for (const Finding& failure : verdict.failures) {
    lines += fmt::format("{}line {}: expected {}\nactual {}", lines.empty() ? "" : "\n",
                         failure.mark.line, failure.expected, failure.actual);
  }
  return comparable(lines);
}

std::string Play::notes() const {
  return fmt::format("{}", fmt::join(verdict.notes, "\n"));
}

std::vector<Scenario> suite_in(const std::string& folder) {
  std::set<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(AOE_SCENARIOS "/" + folder))
    files.insert(file.path().string());
  std::vector<Scenario> scenarios;
  for (const std::string& file : files) {
    auto loaded = load_scenarios(file);
    EXPECT_TRUE(loaded) << loaded.error();
    if (loaded) std::ranges::move(*loaded, std::back_inserter(scenarios));
  }
  return scenarios;
}

bool cites(const Scenario& scenario, std::string_view clause) {
  return std::ranges::find(scenario.clauses, clause) != scenario.clauses.end();
}

}  // namespace aoe::harness
