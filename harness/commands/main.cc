// aoe-harness: runs scenarios of faults against AoE initiators and targets, and judges what they
// do.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/standard_streams.h"
#include "config/yaml_map.h"
#include "harness/commands/commands.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

/// Returns what is wrong with the arguments of a command.
std::string complaint_of(const CLI::ParseError& error, const CLI::App& command) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> extras = command.remaining(true);
    if (extras.empty()) return error.what();
    if (!extras.front().starts_with('-')) return extras.front() + ": one argument too many";
    std::set<std::string> options;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) options.insert("--" + name);
    }
    const std::string given = extras.front().substr(0, extras.front().find('='));
    return fmt::format("{}: no such option{}", given, did_you_mean(given, options));
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::string name =
        std::string(error.what()).substr(0, std::string(error.what()).find(' '));
    const CLI::Option* const missing = command.get_option_no_throw(name);
    if (missing != nullptr && !missing->get_option_text().empty())
      return fmt::format("expected {}", missing->get_option_text());
    return error.what();
  }
  // All options whose values are converted are numbers.
  constexpr std::string_view unconverted = "Could not convert: ";
  const std::string_view text = error.what();
  const std::size_t equals = text.find(" = ");
  if (text.starts_with(unconverted) && equals != std::string_view::npos) {
    return fmt::format("{}: expected a whole number, got '{}'",
                       text.substr(unconverted.size(), equals - unconverted.size()),
                       text.substr(equals + 3));
  }
  return error.what();
}

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
  add_remote_command(app, action);
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
    std::set<std::string> commands;
    for (const CLI::App* command : app.get_subcommands({})) commands.insert(command->get_name());
    complain(fmt::format("{}: no such command{} (aoe-harness --help lists them)", argv[1],
                         did_you_mean(argv[1], commands)));
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    complain(fmt::format("{} (aoe-harness {}--help shows how)",
                         complaint_of(error, chosen.empty() ? app : *chosen.front()),
                         chosen.empty() ? "" : chosen.front()->get_name() + " "));
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
