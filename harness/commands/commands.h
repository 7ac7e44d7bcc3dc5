// The commands of aoe-harness: each in a file of its name, with its options and nothing else. What
// a command does is in the library.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "harness/run/run_case.h"

namespace aoe::harness {

/// What the command that was given does; returns the program's exit status.
using Action = std::function<int()>;

void add_check_command(CLI::App& app, Action& action);
void add_clauses_command(CLI::App& app, Action& action);
void add_conform_command(CLI::App& app, Action& action);
void add_doctor_command(CLI::App& app, Action& action);
void add_matrix_command(CLI::App& app, Action& action);
void add_report_command(CLI::App& app, Action& action);
void add_explain_command(CLI::App& app, Action& action);
void add_list_command(CLI::App& app, Action& action);
void add_explore_command(CLI::App& app, Action& action);
void add_record_command(CLI::App& app, Action& action);
void add_replay_command(CLI::App& app, Action& action);
void add_run_command(CLI::App& app, Action& action);
void add_shrink_command(CLI::App& app, Action& action);
void add_selftest_command(CLI::App& app, Action& action);

// Options that several commands have.

/// Where cases are played.
void add_world_options(CLI::App& command, CaseOptions& options);
/// Against what.
void add_sut_option(CLI::App& command, CaseOptions& options);
/// Both.
void add_case_options(CLI::App& command, CaseOptions& options);

}  // namespace aoe::harness
