// `aoe-harness conform target|initiator`: what an implementer runs. Asks the implementation what it
// has, plays the suite for its end against it, and reports clause by clause.
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/commands/options.h"
#include "harness/commands/suite.h"
#include "harness/run/exit_status.h"
#include "harness/world/wire_discovery.h"

namespace aoe::harness {
namespace {

struct ConformGiven {
  RunArguments arguments;
  std::string end{};
  bool is_told_sut = false;
  bool is_told_world = false;
};

/// Throws Failed where there is none, or several.
Address only_disk_on(const std::string& interface) {
  const std::vector<Address> disks = must(disks_on(interface), exit_environment);
  if (disks.size() == 1) return disks.front();
  throw Failed{disks.empty() ? exit_environment : exit_usage,
               disks.empty() ? fmt::format("{}: no disk answers a query", interface)
                             : fmt::format("{}: several disks answer, --at says which is meant: {}",
                                           interface, fmt::join(disks, ", "))};
}

int conform(ConformGiven& given) {
  given.arguments.finish();
  const auto role =
      given.end == "target" ? Implementation::Role::target : Implementation::Role::initiator;
  CaseOptions& cases = given.arguments.options.cases;
  if (cases.passive && role == Implementation::Role::target)
    throw Failed{exit_usage, "--passive is for initiators: a target is asked"};
  if (!given.is_told_sut && !cases.passive && role == Implementation::Role::initiator)
    cases.sut = find_implementation("aoe-initiator").value();
  if (!given.is_told_world) cases.world = cases.fitting_world();
  const bool is_looked_for =
      role == Implementation::Role::target && !cases.at && cases.world == WorldKind::interface;
  refuse_conflicts(given.arguments.options);
  if (is_looked_for) cases.at = only_disk_on(cases.interface);
  return run_suite(role, given.arguments.options);
}

}  // namespace

void add_conform_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<ConformGiven>();
  RunArguments& arguments = given->arguments;
  CLI::App* command = app.add_subcommand(
      "conform", "Test a target or an initiator, clause by clause, against AoEr11");
  command->add_option("end", given->end, "Which end it is")
      ->required()
      ->check([](const std::string& word) {
        const bool is_end = word == "target" || word == "initiator";
        return is_end ? std::string() : "expected target or initiator, got '" + word + "'";
      })
      ->option_text("target|initiator");
  add_sut_option(*command, arguments.options.cases);
  add_peer_option(*command, arguments.options.cases);
  add_run_arguments(*command, arguments);
  add_report_option(*command, arguments);
  add_suite_options(*command, arguments);
  command->footer(
      "Example: aoe-harness conform target --sut 'my-target {shelf} {slot} {interface} {image}'");
  command->callback([given, command, &action] {
    given->is_told_sut = command->count("--sut") > 0;
    given->is_told_world = command->count("--world") > 0;
    action = [given] { return conform(*given); };
  });
}

}  // namespace aoe::harness
