// `aoe-harness explore`: draws scenarios from many seeds, runs each in virtual time, and names the
// seeds that fail.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/printable.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/run/child_pool.h"
#include "harness/run/draw.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"
#include "harness/run/run_case.h"
#include "harness/run/shard.h"
#include "harness/run/trial.h"
#include "harness/selftest/mutants.h"

namespace aoe::harness {
namespace {

struct ExploreOptions {
  std::string path;  // of a file with explorations
  std::uint64_t seed = 1;
  std::uint64_t seeds = 100;  // from `seed` on
  Shard shard;                // of these
  std::optional<std::uint32_t> requests;
  unsigned jobs = 1;
  bool until_fail = false;
  bool print = false;  // the scenario that `seed` draws, and run nothing
};

/// What came of a seed, as a child says it: numbers, then the failure.
struct SeedResult {
  std::uint64_t requests = 0;
  std::uint64_t frames = 0;
  std::string failure{};  // empty: it passed

  std::string text() const { return fmt::format("{} {}\n{}", requests, frames, failure); }
  static SeedResult parse(const std::string& text) {
    SeedResult result;
    std::istringstream stream(text);
    stream >> result.requests >> result.frames;
    stream.ignore();
    std::getline(stream, result.failure, '\0');
    return result;
  }
};

SeedResult try_seed(const Scenario& exploration, std::uint64_t seed) {
  const auto drawn = draw(exploration, seed, exploration.file);
  if (!drawn) return {.failure = drawn.error()};
  const Trial trial = try_in_sim(*drawn, seed);
  return {trial.verdict.requests, trial.frames, trial.failure()};
}

class Exploration {
 public:
  Exploration(const Scenario& scenario, const ExploreOptions& options)
      : scenario_(scenario), options_(options) {}

  /// Returns whether all seeds passed.
  bool run();

 private:
  void tell(const ChildEnd& end);
  std::string command(std::uint64_t seed) const;

  const Scenario& scenario_;
  const ExploreOptions& options_;
  std::uint64_t passed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t frames_ = 0;
};

std::string Exploration::command(std::uint64_t seed) const {
  const std::string file = shell_quoted(scenario_.file);
  if (!options_.requests) return fmt::format("aoe-harness run {} --seed {}", file, seed);
  return fmt::format("aoe-harness explore {} --requests {} --seed {} --seeds 1", file,
                     *options_.requests, seed);
}

void Exploration::tell(const ChildEnd& end) {
  const std::uint64_t seed = options_.seed + end.index;
  SeedResult result = SeedResult::parse(end.output);
  if (!end.death.empty()) result.failure = "the harness itself " + end.death;
  requests_ += result.requests;
  frames_ += result.frames;
  if (result.failure.empty()) {
    ++passed_;
    return;
  }
  ++failed_;
  fmt::print("  FAIL  seed {:<8} {}\n        {}\n", seed, result.failure, command(seed));
  std::fflush(stdout);
}

bool Exploration::run() {
  fmt::print("explore {}  seeds {} to {}  {} requests each  world sim\n", scenario_.id,
             options_.seed, options_.seed + options_.seeds - 1, scenario_.explore->requests);
  std::fflush(stdout);
  const auto began = std::chrono::steady_clock::now();
  ChildPool pool;
  pool.jobs = options_.jobs;
  pool.work = [this](std::size_t index) {
    return try_seed(scenario_, options_.seed + index).text();
  };
  pool.ended = [this](const ChildEnd& end) { tell(end); };
  pool.stop = [this] { return interrupted() || (options_.until_fail && failed_ > 0); };
  pool.run(options_.seeds);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} passed, {} failed  {:.1f} s, {:.0f} seeds/s, {} requests, {} frames\n", passed_,
             failed_, took.count(), static_cast<double>(passed_ + failed_) / took.count(),
             requests_, frames_);
  return failed_ == 0;
}

int explore_seeds(ExploreOptions& options) {
  const std::uint64_t seeds = options.seeds;
  options.shard.cut(options.seed, options.seeds);
  if (options.seeds == 0) {
    throw Failed{exit_usage,
                 fmt::format("--shard {}/{}: only {}, so none is left for this part",
                             options.shard.part, options.shard.of, quantity(seeds, "seed"))};
  }
  auto scenarios = must(load_scenarios(options.path).and_then(with_known_mutants), exit_usage);
  std::erase_if(scenarios, [](const Scenario& scenario) { return !scenario.explore; });
  if (scenarios.empty()) {
    throw Failed{exit_usage,
                 options.path + ": no scenario in it has 'explore:', so there is nothing to draw"};
  }
  note_interruptions();
  bool passed = true;
  for (Scenario& scenario : scenarios) {
    if (options.requests) scenario.explore->requests = *options.requests;
    if (options.print) {
      fmt::print("{}", must(draw(scenario, options.seed, scenario.file), exit_usage).yaml);
      continue;
    }
    passed &= Exploration(scenario, options).run();
    if (interrupted()) return exit_interrupted;
    if (!passed && options.until_fail) break;
  }
  return passed ? exit_passed : exit_failed;
}

}  // namespace

void add_explore_command(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ExploreOptions>();
  CLI::App* explore =
      app.add_subcommand("explore", "Draw scenarios from many seeds, and find those that fail");
  explore->option_defaults()->always_capture_default(false);
  explore->add_option("path", options->path, "A scenario with explore: in it")
      ->required()
      ->option_text("PATH");
  explore->add_option("--seeds", options->seeds, "How many (default 100)")
      ->check(CLI::Range(1, 1'000'000'000))
      ->option_text("N");
  explore->add_option("--seed", options->seed, "The first of them (default 1)")->option_text("N");
  add_shard_option(*explore, options->shard,
                   "Only this part of the seeds: 3/8, the third of eight");
  explore->add_option("--requests", options->requests, "Of each seed, in place of the scenario's")
      ->check(CLI::Range(1, 100'000))
      ->option_text("N");
  explore->add_option("-j,--jobs", options->jobs, "Seeds at a time (default: the processors)")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  explore->add_flag("--until-fail", options->until_fail, "End with the first that fails");
  explore->add_flag("--print", options->print, "Print the scenario that --seed draws, run nothing");
  explore->footer("Example: aoe-harness explore scenarios/explore.yaml --seeds 1000");
  options->jobs = std::max(1U, std::thread::hardware_concurrency());
  explore->callback([options, &action] { action = [options] { return explore_seeds(*options); }; });
}

}  // namespace aoe::harness
