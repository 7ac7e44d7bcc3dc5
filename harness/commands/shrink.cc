// `aoe-harness shrink`: makes a short scenario of a run that failed, in virtual time.
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "base/whole_file.h"
#include "harness/commands/commands.h"
#include "harness/run/exit_status.h"
#include "harness/run/shrink.h"
#include "harness/run/trial.h"

namespace aoe::harness {
namespace {

struct ShrinkOptions {
  std::string schedule;  // schedule.yaml of a case
  std::string output;    // the scenario's file; empty: standard output
};

int shrink_run(const ShrinkOptions& options) {
  const auto schedule = must(load_schedule(options.schedule), exit_usage);
  const auto shrunk = shrink(schedule, [](const Scenario& scenario, std::uint64_t seed,
                                          const std::vector<Decision>* plan) {
    return try_in_sim(scenario, seed, plan).kind();
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
  return exit_passed;
}

}  // namespace

void add_shrink_command(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ShrinkOptions>();
  CLI::App* shrink = app.add_subcommand("shrink", "Make a short scenario of a run that failed");
  shrink->add_option("schedule", options->schedule, "schedule.yaml of a case")
      ->required()
      ->option_text("SCHEDULE");
  shrink->add_option("-o,--output", options->output, "File for it (default: standard output)")
      ->option_text("FILE");
  shrink->footer("Example: aoe-harness shrink runs/last/cases/explore/schedule.yaml -o short.yaml");
  shrink->callback([options, &action] { action = [options] { return shrink_run(*options); }; });
}

}  // namespace aoe::harness
