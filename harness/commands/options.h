// Options that several commands have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/commands/run_scenarios.h"

namespace CLI {
class App;
}

namespace aoe::harness {

/// Adds --world, --interface and --write-ok: where cases are played.
void add_world_options(CLI::App& command, CaseOptions& options);
/// Adds --sut: what is tested.
void add_sut_option(CLI::App& command, CaseOptions& options);
/// Adds both.
void add_case_options(CLI::App& command, CaseOptions& options);

/// What a person gave for RunOptions, before it is checked.
struct RunArguments {
  RunOptions options;
  std::vector<std::string> reports;
  std::optional<std::uint64_t> seed;
  std::optional<std::size_t> repeat;
  unsigned patience = 600;  // seconds

  /// Fills in `options` once the command line is parsed. Throws Failed: "--report: …".
  void finish();
};

/// Adds what `run`, `conform` and `matrix` have in common.
void add_run_arguments(CLI::App& command, RunArguments& arguments);
/// Adds, for those that play a suite: which, and what is known of the implementation.
void add_suite_options(CLI::App& command, RunArguments& arguments);
/// Adds --shard: `what` says of what it is a part.
void add_shard_option(CLI::App& command, Shard& shard, const std::string& what);
/// Adds --report, for those that report on one run.
void add_report_option(CLI::App& command, RunArguments& arguments);
/// Adds what `lists` ask for, each of which was given as --report. Throws Failed: "--report: …".
void add_reports(const std::vector<std::string>& lists, std::vector<Output>& outputs);
/// Adds -v and -q, which choose a TerminalStyle::verbosity.
void add_verbosity_options(CLI::App& command, int& verbosity);

}  // namespace aoe::harness
