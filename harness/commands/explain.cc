#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/judge/expectations.h"
#include "harness/language/implementation.h"
#include "harness/report/explain.h"
#include "harness/run/exit_status.h"
#include "harness/run/selection.h"

namespace aoe::harness {
namespace {

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

int explain_all(const Selection& selection) {
  const auto scenarios = must(select(selection), exit_usage);
  for (const Scenario& scenario : scenarios) {
    const bool is_first = &scenario == &scenarios.front();
    fmt::print("{}{}{}", is_first ? "" : "\n", explain(scenario), known_to_fail(scenario));
  }
  return exit_passed;
}

}  // namespace

void add_explain_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<Selection>();
  CLI::App* command =
      app.add_subcommand("explain", "Say in words what a scenario does and what it asks for");
  command->add_option("what", given->wanted, "Files, folders, names, patterns, tags, or clauses")
      ->required()
      ->option_text("PATH|ID|TAG|CLAUSE...");
  command->callback([given, &action] { action = [given] { return explain_all(*given); }; });
}

}  // namespace aoe::harness
