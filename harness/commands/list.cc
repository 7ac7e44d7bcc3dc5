#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/report/explain.h"
#include "harness/run/exit_status.h"
#include "harness/run/selection.h"

namespace aoe::harness {
namespace {

struct ListGiven {
  Selection selection;
  bool json = false;
};

int list(const ListGiven& given) {
  const auto scenarios = must(select(given.selection), exit_usage);
  fmt::print("{}", given.json ? list_json(scenarios) : list_text(scenarios));
  return exit_passed;
}

}  // namespace

void add_list_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ListGiven>();
  CLI::App* list_command = app.add_subcommand("list", "List scenarios");
  list_command
      ->add_option("what", given->selection.wanted,
                   "Files, folders, names, patterns, tags, or clauses (default: all)")
      ->option_text("PATH|ID|TAG|CLAUSE...");
  list_command->add_flag("--json", given->json, "As JSON, with all that is known of each");
  list_command->callback([given, &action] { action = [given] { return list(*given); }; });
}

}  // namespace aoe::harness
