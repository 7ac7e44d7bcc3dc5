// `aoe-harness compare`: what changed from one run to another, case by case.
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "harness/commands/commands.h"
#include "harness/report/comparison.h"
#include "harness/report/outputs.h"
#include "harness/run/exit_status.h"

namespace aoe::harness {
namespace {

struct CompareGiven {
  std::string before;
  std::string now;
  bool json = false;
};

int compare(const CompareGiven& given) {
  const RunRecord before = must(read_run(given.before), exit_environment);
  const RunRecord now = must(read_run(given.now), exit_environment);
  const Comparison comparison = compare_runs(before, now);
  fmt::print("{}", given.json ? comparison_json(comparison, before, now)
                              : comparison_text(comparison, before, now));
  return comparison.is_same() ? exit_passed : exit_failed;
}

}  // namespace

void add_compare_command(CLI::App& app, Action& action) {
  const auto given = std::make_shared<CompareGiven>();
  CLI::App* command =
      app.add_subcommand("compare", "Tell what changed from one run to another, case by case");
  command->add_option("EARLIER", given->before, "The earlier run: a folder, or its run.json")
      ->required()
      ->option_text("RUN");
  command->add_option("LATER", given->now, "The later one")->required()->option_text("RUN");
  command->add_flag("--json", given->json, "As JSON");
  command->footer(
      "Exit status: 0 nothing changed, 1 something did\n"
      "Example: aoe-harness compare runs/20261130T150000-1 runs/last");
  command->callback([given, &action] { action = [given] { return compare(*given); }; });
}

}  // namespace aoe::harness
