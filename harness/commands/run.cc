#include <memory>

#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"

namespace aoe::harness {

void add_run_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<RunArguments>();
  RunOptions& options = given->options;
  CLI::App* run = app.add_subcommand("run", "Run scenarios");
  run->add_option("what", options.selection.wanted,
                  "Files, folders, names, patterns, tags, or clauses")
      ->required()
      ->option_text("PATH|ID|TAG|CLAUSE...");
  add_sut_option(*run, options.cases);
  add_peer_option(*run, options.cases);
  add_run_arguments(*run, *given);
  add_report_option(*run, *given);
  run->add_flag("--until-fail", options.until_fail, "Repeat until a case fails")
      ->excludes("--retry");
  run->add_flag("--fail-fast", options.fail_fast, "Begin nothing after a case that failed")
      ->excludes("--retry");
  run->add_flag("--dry-run", options.dry_run, "Say what would run, and run nothing");
  run->add_option("--expect", options.expectations, "File of failures that are known")
      ->option_text("FILE");
  run->footer("");
  run->callback([given, &action] {
    action = [given] {
      given->finish();
      return run_selected(given->options);
    };
  });
}

}  // namespace aoe::harness
