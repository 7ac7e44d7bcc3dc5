#include <algorithm>
#include <memory>
#include <thread>

#include "harness/commands/commands.h"
#include "harness/commands/explore_command.h"

namespace aoe::harness {

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
  explore->callback(
      [options, &action] { action = [options] { return explore_command(*options); }; });
}

}  // namespace aoe::harness
