#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

struct RunGiven {
  RunArguments arguments;
  std::optional<std::size_t> repeat;
};

int run(RunGiven& given) {
  given.arguments.finish();
  RunOptions& options = given.arguments.options;
  if (given.repeat) {
    options.repeat = *given.repeat;
  } else if (options.until_fail) {
    options.repeat = for_ever;
  }
  return run_selected(options);
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<RunGiven>();
  RunOptions& options = given->arguments.options;
  CLI::App* run = app.add_subcommand("run", "Run scenarios");
  run->add_option("what", options.selection.wanted,
                  "Files, folders, names, patterns, tags, or clauses")
      ->required()
      ->option_text("PATH|ID|TAG|CLAUSE...");
  add_sut_option(*run, options.cases);
  add_run_arguments(*run, given->arguments);
  add_report_option(*run, given->arguments);
  run->add_option("--repeat", given->repeat, "Each case this often, with seeds N, N+1, ...")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("TIMES");
  run->add_flag("--until-fail", options.until_fail, "Repeat until a case fails");
  run->add_flag("--fail-fast", options.fail_fast, "Begin nothing after a case that failed");
  run->add_flag("--dry-run", options.dry_run, "Say what would run, and run nothing");
  run->add_option("--expect", options.expectations, "File of failures that are known")
      ->option_text("FILE");
  run->footer("");
  run->callback([given, &action] { action = [given] { return harness::run(*given); }; });
}

}  // namespace aoe::harness
