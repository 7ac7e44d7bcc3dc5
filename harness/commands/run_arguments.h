// The options that `run` and the commands that play a suite have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/commands/commands.h"
#include "harness/commands/run_command.h"

namespace aoe::harness {

struct RunArguments {
  RunOptions options;
  std::vector<std::string> reports;
  bool verbose = false;
  bool quiet = false;
  std::optional<std::uint64_t> seed;
  unsigned patience = 600;

  /// Of add_run_arguments(), once they are parsed: fills in `options`. Error: "--report: …".
  tl::expected<void, std::string> finish();
};

void add_run_arguments(CLI::App& command, RunArguments& arguments);
/// Of those that play a suite: which, and what is known of the implementation.
void add_suite_options(CLI::App& command, RunArguments& arguments);
/// Of those that report on one run.
void add_report_option(CLI::App& command, RunArguments& arguments);

}  // namespace aoe::harness
