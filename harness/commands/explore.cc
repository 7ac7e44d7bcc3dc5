// `aoe-harness explore`: draws scenarios from many seeds, plays each, in virtual time or with
// programs, and names the seeds that fail. Their evidence is kept.
//
//   runs/explore/NAME-seed-7/   as a case's: schedule.yaml for shrink and replay, and all else that
//                               run_case.h names; of the first seeds that fail
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/printable.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/run/child_pool.h"
#include "harness/run/draw.h"
#include "harness/run/evidence_folder.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"
#include "harness/run/run_case.h"
#include "harness/run/shard.h"
#include "harness/run/trial.h"
#include "harness/selftest/mutants.h"
#include "harness/world/disk_image.h"

namespace aoe::harness {
namespace {

namespace fs = std::filesystem;

/// The evidence of seeds that fail is kept until there is that of so many.
constexpr std::uint64_t evidence_max = 20;

struct ExploreOptions {
  std::string path;  // of a file with explorations
  CaseOptions cases;
  bool is_told_world = false;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 100;  // from `seed` on
  Shard shard;                // of these
  std::optional<std::uint32_t> requests;
  std::optional<unsigned> jobs;
  std::string out = "runs";
  bool until_fail = false;
  bool print = false;  // the scenario that `seed` draws, and run nothing
};

/// What came of a seed, as a child says it: numbers, then the failure or the reason.
struct SeedResult {
  Outcome outcome = Outcome::broken;
  std::uint64_t requests = 0;
  std::uint64_t frames = 0;
  std::string said{};  // empty: it passed

  std::string text() const {
    return fmt::format("{} {} {}\n{}", static_cast<unsigned>(outcome), requests, frames, said);
  }
  static SeedResult parse(const std::string& text) {
    SeedResult result;
    std::istringstream stream(text);
    unsigned outcome = 0;
    stream >> outcome >> result.requests >> result.frames;
    result.outcome = static_cast<Outcome>(outcome);
    stream.ignore();
    std::getline(stream, result.said, '\0');
    return result;
  }
};

class Exploration {
 public:
  Exploration(const Scenario& scenario, const ExploreOptions& options);

  /// Returns the program's exit status.
  int run();

 private:
  /// Runs in a child process.
  SeedResult try_seed(std::uint64_t seed) const;
  void ended(const ChildEnd& end);
  std::string command(std::uint64_t seed) const;
  fs::path folder_of(std::uint64_t seed) const;
  std::size_t count(Outcome outcome) const { return counts_[static_cast<std::size_t>(outcome)]; }

  const Scenario& scenario_;
  const ExploreOptions& options_;
  std::string name_;  // of its folders
  Counts counts_{};
  std::uint64_t unfinished_ = 0;  // seeds that were interrupted
  std::uint64_t requests_ = 0;
  std::uint64_t frames_ = 0;
};

Exploration::Exploration(const Scenario& scenario, const ExploreOptions& options)
    : scenario_(scenario), options_(options) {
  std::set<std::string> taken;
  name_ = file_name(scenario.id, taken);
}

fs::path Exploration::folder_of(std::uint64_t seed) const {
  return fs::path(options_.out) / "explore" / fmt::format("{}-seed-{}", name_, seed);
}

SeedResult Exploration::try_seed(std::uint64_t seed) const {
  const auto drawn = draw(scenario_, seed, scenario_.file);
  if (!drawn) return {.outcome = Outcome::broken, .said = drawn.error()};
  const bool is_sim = options_.cases.world == WorldKind::sim;
  const bool is_evidence_wanted = count(Outcome::failed) < evidence_max;
  const fs::path folder = folder_of(seed);
  std::error_code ignored;
  Trial trial;
  if (is_sim) trial = try_in_sim(*drawn, seed);
  const bool is_kept = is_evidence_wanted && (!is_sim || trial.outcome == Outcome::failed);
  if (is_kept || !is_sim) {
    fs::remove_all(folder, ignored);
    trial = trial_of(run_case(*drawn, options_.cases, seed, folder));
  }
  if (trial.outcome != Outcome::failed || !is_kept) fs::remove_all(folder, ignored);
  return {trial.outcome, trial.requests, trial.frames, trial.failure()};
}

std::string Exploration::command(std::uint64_t seed) const {
  const std::string file = shell_quoted(scenario_.file);
  const std::string where = played_as(options_.cases);
  if (!options_.requests) return fmt::format("aoe-harness run {}{} --seed {}", file, where, seed);
  return fmt::format("aoe-harness explore {}{} --requests {} --seed {} --seeds 1", file, where,
                     *options_.requests, seed);
}

void Exploration::ended(const ChildEnd& end) {
  const std::uint64_t seed = options_.seed + end.index;
  SeedResult result = SeedResult::parse(end.output);
  if (!end.death.empty()) {
    result = {.outcome = Outcome::failed, .said = "the harness itself " + end.death};
    remove_images(folder_of(seed).string());
  }
  // One that a signal ended says nothing of the seed.
  if (interrupted() && (!end.death.empty() || result.said == "interrupted")) {
    ++unfinished_;
    return;
  }
  requests_ += result.requests;
  frames_ += result.frames;
  ++counts_[static_cast<std::size_t>(result.outcome)];
  if (result.outcome == Outcome::passed) return;
  fmt::print("  {}  seed {:<8} {}\n        {}\n", text(result.outcome), seed, result.said,
             command(seed));
  std::error_code ignored;
  if (result.outcome == Outcome::failed && fs::exists(folder_of(seed) / "schedule.yaml", ignored))
    fmt::print("        {}\n", (folder_of(seed) / "schedule.yaml").string());
  std::fflush(stdout);
}

int Exploration::run() {
  const CaseOptions& cases = options_.cases;
  fmt::print("explore {}  seeds {} to {}  {} requests each  world {}{}\n", scenario_.id,
             options_.seed, options_.seed + options_.seeds - 1, scenario_.explore->requests,
             text(cases.world), cases.world == WorldKind::sim ? "" : "  sut " + cases.sut.name);
  std::fflush(stdout);
  const auto began = std::chrono::steady_clock::now();
  ChildPool pool;
  // In real time seeds would disturb each other.
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  pool.jobs = options_.jobs.value_or(cases.world == WorldKind::sim ? processors : 1);
  pool.work = [this](std::size_t index) { return try_seed(options_.seed + index).text(); };
  pool.ended = [this](const ChildEnd& end) { ended(end); };
  pool.stop = [this] {
    return count(Outcome::broken) > 0 || (options_.until_fail && count(Outcome::failed) > 0);
  };
  pool.run(options_.seeds);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const auto tried = std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
  fmt::print("{}{}  {:.1f} s, {:.0f} seeds/s, {} requests, {} frames\n", describe(counts_),
             unfinished_ == 0 ? "" : fmt::format(", {} interrupted", unfinished_), took.count(),
             static_cast<double>(tried) / took.count(), requests_, frames_);
  if (interrupted()) return exit_interrupted;
  if (count(Outcome::failed) > 0) return exit_failed;
  return count(Outcome::broken) > 0 ? exit_environment : exit_passed;
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
  if (!options.is_told_world) options.cases.world = options.cases.fitting_world();
  if (const std::string conflict = options.cases.conflict(); !conflict.empty())
    throw Failed{exit_usage, conflict};
  note_interruptions();
  int worst = exit_passed;
  for (Scenario& scenario : scenarios) {
    if (options.requests) scenario.explore->requests = *options.requests;
    if (options.print) {
      fmt::print("{}", must(draw(scenario, options.seed, scenario.file), exit_usage).yaml);
      continue;
    }
    const int status = Exploration(scenario, options).run();
    if (status == exit_interrupted || status == exit_environment) return status;
    worst = std::max(worst, status);
    if (worst == exit_failed && options.until_fail) break;
  }
  return worst;
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
  add_sut_option(*explore, options->cases);
  add_own_world_option(*explore, options->cases);
  explore->add_option("--seeds", options->seeds, "How many (default 100)")
      ->check(CLI::Range(1, 1'000'000'000))
      ->option_text("N");
  explore->add_option("--seed", options->seed, "The first of them (default 1)")
      ->check(not_negative)
      ->option_text("N");
  add_shard_option(*explore, options->shard,
                   "Only this part of the seeds: 3/8, the third of eight");
  explore->add_option("--requests", options->requests, "Of each seed, in place of the scenario's")
      ->check(CLI::Range(1, 100'000))
      ->option_text("N");
  explore
      ->add_option("-j,--jobs", options->jobs, "Seeds at a time (default: the processors; veth: 1)")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  explore->add_option("--out", options->out, "Folder for the evidence of those (default runs)")
      ->option_text("DIR");
  explore->add_flag("--until-fail", options->until_fail, "End with the first that fails");
  explore->add_flag("--print", options->print, "Print the scenario that --seed draws, run nothing");
  explore->footer("Example: aoe-harness explore scenarios/explore.yaml --seeds 1000");
  explore->callback([options, explore, &action] {
    options->is_told_world = explore->count("--world") > 0;
    action = [options] { return explore_seeds(*options); };
  });
}

}  // namespace aoe::harness
