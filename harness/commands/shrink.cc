// `aoe-harness shrink`: makes a short scenario of a run that failed, in the world that it was played
// in, and looks whether an engine that is right passes it.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "base/whole_file.h"
#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"
#include "harness/run/shrink.h"
#include "harness/run/trial.h"

namespace aoe::harness {
namespace {

struct ShrinkOptions {
  std::string schedule;  // schedule.yaml of a case
  std::string output;    // the scenario's file; empty: standard output
  CaseOptions cases;
};

/// Plays trials in the world of the options, one after another.
class Trials {
 public:
  explicit Trials(const CaseOptions& options) : options_(options) {}

  /// Returns the kind of its failure. Throws Failed where the world can't be had, where this process
  /// is interrupted, or where what came of the first can't be told.
  std::string kind(const Scenario& scenario, std::uint64_t seed,
                   const std::vector<Decision>* plan) {
    const auto began = std::chrono::steady_clock::now();
    const Trial trial = options_.world == WorldKind::sim
                            ? try_in_sim(scenario, seed, plan)
                            : try_apart(scenario, options_, seed, plan, patience_);
    if (interrupted()) throw Failed{exit_interrupted, "interrupted: nothing is written"};
    if (trial.outcome == Outcome::broken) throw Failed{exit_environment, trial.reason};
    if (is_first_ && trial.outcome == Outcome::inconclusive) {
      throw Failed{exit_environment,
                   "played again, it can't be told whether it fails: " + trial.reason};
    }
    if (is_first_) {
      // What takes much longer than the failure fails otherwise, if at all.
      constexpr std::chrono::seconds least(3);
      const auto took = std::chrono::steady_clock::now() - began;
      patience_ = std::max(least, std::chrono::ceil<std::chrono::seconds>(3 * took));
      is_first_ = false;
    }
    return trial.kind();
  }

 private:
  const CaseOptions& options_;
  bool is_first_ = true;
  std::chrono::seconds patience_{600};
};

/// Returns what an engine of ours makes of the short scenario, in the sim world; empty where our
/// engines are what failed, so that there is no other.
std::string by_a_right_engine(const Shrunk& shrunk, const CaseOptions& options) {
  auto scenario = must(parse_scenario(shrunk.yaml, "the short scenario"), exit_environment);
  const bool is_wrong_on_purpose = scenario.mutant.has_value();
  if (options.is_engine() && !is_wrong_on_purpose) return {};
  scenario.mutant.reset();
  const Trial trial = try_in_sim(scenario, scenario.seed.value_or(shrunk.seed));
  const std::string_view engine =
      options.sut.role == Implementation::Role::initiator ? "aoe-initiator" : "aoe-target";
  switch (trial.outcome) {
    case Outcome::passed: return fmt::format("{}, which is right, passes it", engine);
    case Outcome::failed:
      return fmt::format(
          "{} fails it, too, in the sim world ({}): see whether the scenario asks for what is "
          "right",
          engine, trial.failure());
    default: return fmt::format("whether {} passes it can't be told ({})", engine, trial.reason);
  }
}

int shrink_run(ShrinkOptions& options, const CLI::App& command) {
  const auto schedule = must(load_schedule(options.schedule), exit_usage);
  take_from(schedule, command, options.cases);
  note_interruptions();
  Trials trials(options.cases);
  const auto shrunk = shrink(schedule, [&](const Scenario& scenario, std::uint64_t seed,
                                           const std::vector<Decision>* plan) {
    return trials.kind(scenario, seed, plan);
  });
  if (!shrunk) throw Failed{exit_failed, fmt::format("{}: {}", options.schedule, shrunk.error())};
  if (options.output.empty()) {
    fmt::print("{}", shrunk->yaml);
  } else {
    must(write_whole(options.output, shrunk->yaml), exit_environment);
  }
  tell(fmt::format("{}: decisions {} to {}, steps {} to {}, in {} runs\n", shrunk->rule,
                   shrunk->decisions_before, shrunk->decisions, shrunk->steps_before, shrunk->steps,
                   shrunk->tries));
  const std::string right = by_a_right_engine(*shrunk, options.cases);
  if (!right.empty()) tell(right + "\n");
  return exit_passed;
}

}  // namespace

void add_shrink_command(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ShrinkOptions>();
  CLI::App* shrink = app.add_subcommand("shrink", "Make a short scenario of a run that failed");
  shrink->add_option("schedule", options->schedule, "schedule.yaml of a case")
      ->required()
      ->option_text("SCHEDULE");
  add_sut_option(*shrink, options->cases);
  add_own_world_option(*shrink, options->cases);
  shrink->add_option("-o,--output", options->output, "File for it (default: standard output)")
      ->option_text("FILE");
  shrink->footer("Example: aoe-harness shrink runs/last/cases/explore/schedule.yaml -o short.yaml");
  shrink->callback([options, shrink, &action] {
    action = [options, shrink] { return shrink_run(*options, *shrink); };
  });
}

}  // namespace aoe::harness
