#include <memory>

#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/commands/run_scenarios.h"

namespace aoe::harness {

void add_selftest_command(CLI::App& app, Action& action) {
  const auto options = std::make_shared<RunOptions>();
  options->seed = 1;
  options->verbosity = 1;  // what each mutant was caught by
  CLI::App* selftest = app.add_subcommand("selftest", "Show that what is wrong is found out");
  selftest->option_defaults()->always_capture_default(false);
  selftest
      ->add_option("what", options->selection.wanted,
                   "Scenarios that must fail (default: scenarios/selftest)")
      ->option_text("PATH|ID|TAG...");
  selftest->add_option("--seed", options->seed, "Play them with this seed (default 1)")
      ->check(not_negative)
      ->type_name("N");
  selftest->add_option("--out", options->out, "Folder for records and evidence (default runs)")
      ->type_name("DIR");
  selftest->footer("");
  selftest->callback([options, &action] {
    if (options->selection.wanted.empty()) options->selection.wanted = {"scenarios/selftest"};
    action = [options] { return run_selected(*options); };
  });
}

}  // namespace aoe::harness
