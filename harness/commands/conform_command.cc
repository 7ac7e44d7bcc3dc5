#include "harness/commands/conform_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/judge/coverage.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

bool is_about(const Scenario& scenario, std::string_view end) {
  return std::ranges::any_of(scenario.clauses, [&](const std::string& id) {
    const Clause* clause = clause_catalogue().find(id);
    return clause != nullptr && binds(*clause, end);
  });
}

}  // namespace

tl::expected<std::vector<Scenario>, std::string> select_suite(Implementation::Role role,
                                                              Selection selection) {
  const std::string end(text(role));
  if (selection.wanted.empty()) selection.wanted = {default_scenarios() + "/" + end};
  auto scenarios = select(selection);
  if (!scenarios) return scenarios;
  std::erase_if(*scenarios, [&](const Scenario& scenario) { return !is_about(scenario, end); });
  if (scenarios->empty()) {
    return tl::unexpected(
        fmt::format("nothing of what was selected is about a clause that binds {} {}",
                    role == Implementation::Role::initiator ? "an" : "a", end));
  }
  return scenarios;
}

tl::expected<Expectations, std::string> expectations_of(const Implementation& implementation,
                                                        const std::string& file) {
  if (file == "none") return Expectations{};
  if (!file.empty()) return Expectations::load(file);
  const auto known = known_expectations().find(implementation.given);
  if (known == known_expectations().end()) return Expectations{};
  return Expectations::parse(known->second, known->first + ".expected.yaml");
}

int conform_command(const ConformOptions& options) {
  const Implementation& sut = options.run.cases.sut;
  if (sut.role != options.role) {
    complain(
        fmt::format("{} is another end: try aoe-harness conform {}", sut.name, text(sut.role)));
    return exit_usage;
  }
  auto expectations = expectations_of(sut, options.run.expectations);
  if (!expectations) {
    complain(expectations.error());
    return exit_usage;
  }
  auto scenarios = select_suite(options.role, options.run.selection);
  if (!scenarios) {
    complain(scenarios.error());
    return exit_usage;
  }
  RunOptions run = options.run;
  run.suite = text(options.role);
  return run_scenarios(run, *std::move(scenarios), *std::move(expectations));
}

}  // namespace aoe::harness
