#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "harness/commands/commands.h"
#include "harness/judge/expectations.h"
#include "harness/language/implementation.h"
#include "harness/report/explain.h"
#include "harness/run/exit_status.h"
#include "harness/run/selection.h"

namespace aoe::harness {
namespace {

struct Given {
  Selection selection;
  bool json = false;
};

int list(const Given& given) {
  const auto scenarios = select(given.selection);
  if (!scenarios) {
    complain(scenarios.error());
    return exit_usage;
  }
  fmt::print("{}", given.json ? list_json(*scenarios) : list_text(*scenarios));
  return exit_passed;
}

/// "  vblade is known to fail it: …", a line for each that is.
std::string known_to_fail(const Scenario& scenario) {
  std::string lines;
  for (const auto& [name, yaml] : known_expectations()) {
    const auto known = Expectations::parse(yaml, name + ".expected.yaml");
    const std::string reason = known ? known->reason_of(scenario.id) : known.error();
    if (!reason.empty()) lines += fmt::format("  {} is known to fail it: {}\n", name, reason);
  }
  return lines.empty() ? lines : "\n" + lines;
}

int explain_all(const Given& given) {
  const auto scenarios = select(given.selection);
  if (!scenarios) {
    complain(scenarios.error());
    return exit_usage;
  }
  for (const Scenario& scenario : *scenarios) {
    const bool is_first = &scenario == &scenarios->front();
    fmt::print("{}{}{}", is_first ? "" : "\n", explain(scenario), known_to_fail(scenario));
  }
  return exit_passed;
}

}  // namespace

void add_list_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Given>();
  CLI::App* list_command = app.add_subcommand("list", "List scenarios");
  list_command
      ->add_option("what", given->selection.wanted,
                   "Files, folders, names, patterns of names, or tags (default: all)")
      ->option_text("PATH|ID|TAG...");
  list_command->add_flag("--json", given->json, "As JSON, with all that is known of each");
  list_command->callback([given, &action] { action = [given] { return list(*given); }; });
}

void add_explain_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Given>();
  CLI::App* command =
      app.add_subcommand("explain", "Say in words what a scenario does and what it asks for");
  command
      ->add_option("what", given->selection.wanted,
                   "Files, folders, names, patterns of names, or tags")
      ->required()
      ->option_text("PATH|ID|TAG...");
  command->callback([given, &action] { action = [given] { return explain_all(*given); }; });
}

}  // namespace aoe::harness
