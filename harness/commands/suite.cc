#include "harness/commands/suite.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "harness/commands/commands.h"
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
  // What is beside a description of a person's own.
  constexpr std::string_view ending = ".yaml";
  if (implementation.given.ends_with(ending)) {
    const std::string stem =
        implementation.given.substr(0, implementation.given.size() - ending.size());
    if (std::error_code none; std::filesystem::exists(stem + ".expected.yaml", none))
      return Expectations::load(stem + ".expected.yaml");
  }
  const auto known = known_expectations().find(implementation.given);
  if (known == known_expectations().end()) return Expectations{};
  return Expectations::parse(known->second, known->first + ".expected.yaml");
}

int run_suite(Implementation::Role role, RunOptions options) {
  refuse_conflicts(options);
  meet_far_half(options.cases);
  const Implementation& sut = options.cases.sut;
  if (sut.role != role) {
    throw Failed{exit_usage, fmt::format("{} is another end: try aoe-harness conform {}", sut.name,
                                         text(sut.role))};
  }
  if (role == Implementation::Role::initiator && options.cases.world == WorldKind::interface &&
      !options.cases.passive) {
    throw Failed{
        exit_usage,
        "--interface: what is on a wire can't be told to read or write: with --passive the "
        "harness serves a disk there and judges the initiator that uses it; else leave it out, or "
        "try "
        "--world veth"};
  }
  Expectations expectations = must(expectations_of(sut, options.expectations), exit_usage);
  std::vector<Scenario> scenarios = must(select_suite(role, options.selection), exit_usage);
  options.suite = text(role);
  return run_scenarios(options, std::move(scenarios), std::move(expectations));
}

}  // namespace aoe::harness
