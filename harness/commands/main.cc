// aoe-harness: runs scenarios of faults against AoE initiators and targets, and judges what they
// do.
#include <algorithm>
#include <string>

#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "harness/commands/commands.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

int main(int argc, char** argv) {
  CLI::App app(
      "Runs scenarios of faults against AoE initiators and targets, and judges what they do.");
  app.name("aoe-harness");
  app.set_version_flag("-V,--version", "aoe-harness " AOE_VERSION, "Show the version and exit");
  app.set_help_flag("-h,--help", "Show this help and exit; after a command: that command's");
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 as expected, 1 failures, 2 wrong use, 3 environment, 5 doubtful, 130 "
      "interrupted");
  Action action;
  add_doctor_command(app, action);
  add_run_command(app, action);
  add_report_command(app, action);
  add_compare_command(app, action);
  add_list_command(app, action);
  add_explain_command(app, action);
  add_explore_command(app, action);
  add_replay_command(app, action);
  add_check_command(app, action);
  add_import_command(app, action);
  add_shrink_command(app, action);
  add_selftest_command(app, action);
  add_clauses_command(app, action);
  add_conform_command(app, action);
  add_matrix_command(app, action);

  const auto is_named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && std::ranges::none_of(app.get_subcommands({}), is_named)) {
    complain(std::string(argv[1]) + ": no such command (aoe-harness --help lists them)");
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + " (aoe-harness --help shows how)");
    return exit_usage;
  }
  return carry_out(action);
}

}  // namespace
}  // namespace aoe::harness

int main(int argc, char** argv) {
  aoe::occupy_standard_streams();
  return aoe::run_main("aoe-harness", [=] { return aoe::harness::main(argc, argv); });
}
