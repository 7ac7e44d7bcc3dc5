#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/suite.h"
#include "harness/language/implementation.h"
#include "harness/report/clause_list.h"
#include "harness/report/clause_page.h"
#include "harness/run/exit_status.h"
#include "harness/run/selection.h"

namespace aoe::harness {
namespace {

struct ClausesGiven {
  std::vector<std::string> wanted;
  std::vector<std::string> scenarios;
  bool json = false;
  bool markdown = false;
  bool uncovered = false;
};

/// Targets first, ours before others: by name.
std::vector<KnownImplementation> known() {
  std::vector<KnownImplementation> all;
  for (const auto role : {Implementation::Role::target, Implementation::Role::initiator}) {
    const std::vector<Scenario> suite = must(select_suite(role, {}), exit_usage);
    for (const auto& [name, yaml] : known_implementations()) {
      const Implementation sut = must(find_implementation(name), exit_usage);
      if (sut.role != role) continue;
      all.push_back({name, std::string(text(role)), sut.cannot,
                     must(expectations_of(sut, ""), exit_usage), suite});
    }
  }
  return all;
}

int clauses(const ClausesGiven& given) {
  if (given.markdown) {
    if (!given.wanted.empty() || !given.scenarios.empty() || given.json || given.uncovered)
      throw Failed{exit_usage, "--md is of all clauses and suites: it takes nothing beside it"};
    fmt::print("{}", clause_page(clause_catalogue(), known()));
    return exit_passed;
  }
  Selection selection;
  selection.wanted = given.scenarios;
  ClauseList list(clause_catalogue(), must(select(selection), exit_usage));
  must(list.select(given.wanted), exit_usage);
  if (given.uncovered) list.select_uncovered();
  fmt::print("{}", given.json ? list.json() : list.text());
  return given.uncovered && !list.empty() ? exit_failed : exit_passed;
}

}  // namespace

void add_clauses_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ClausesGiven>();
  CLI::App* command =
      app.add_subcommand("clauses", "List what AoEr11 asks for, and which scenarios are about it");
  command->add_option("what", given->wanted, "Sections (3.1) and clauses (3.1/5); default: all")
      ->option_text("SECTION|ID...");
  command->add_option("--scenarios", given->scenarios, "Count these (default: all)")
      ->option_text("PATH|ID|TAG|CLAUSE...");
  command->add_flag("--uncovered", given->uncovered,
                    "Only what neither has a scenario nor a reason: exit 1 if any");
  command->add_flag("--json", given->json, "As JSON");
  command->add_flag("--md", given->markdown,
                    "As the page docs/CLAUSES.md, with how known implementations fare");
  command->footer("Example: aoe-harness clauses 3.2 --scenarios scenarios/target");
  command->callback([given, &action] { action = [given] { return clauses(*given); }; });
}

}  // namespace aoe::harness
