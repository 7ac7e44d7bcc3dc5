// The commands of aoe-harness: each is the source of its name, with its options and what it does.
// What several of them share has a header of its own in this folder.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

namespace CLI {
class App;
}

namespace aoe::harness {

/// Does what the command that was given does; returns the program's exit status, or throws Failed.
using Action = std::function<int()>;

/// Ends a command with an exit status and what is complained of.
struct Failed {
  int status;
  std::string complaint;
};

/// Returns the value; throws Failed with this status and the error where there is none.
template <class Value>
Value must(tl::expected<Value, std::string> result, int status) {
  if (!result) throw Failed{status, std::move(result).error()};
  if constexpr (!std::is_void_v<Value>) return *std::move(result);
}

/// Returns the exit status of the action. Where it throws Failed, complains and returns that status.
int carry_out(const Action& action);

// Each adds its command to `app`; parsing that command sets `action`.
void add_check_command(CLI::App& app, Action& action);
void add_clauses_command(CLI::App& app, Action& action);
void add_compare_command(CLI::App& app, Action& action);
void add_conform_command(CLI::App& app, Action& action);
void add_doctor_command(CLI::App& app, Action& action);
void add_explain_command(CLI::App& app, Action& action);
void add_explore_command(CLI::App& app, Action& action);
void add_import_command(CLI::App& app, Action& action);
void add_list_command(CLI::App& app, Action& action);
void add_matrix_command(CLI::App& app, Action& action);
void add_remote_command(CLI::App& app, Action& action);
void add_replay_command(CLI::App& app, Action& action);
void add_report_command(CLI::App& app, Action& action);
void add_run_command(CLI::App& app, Action& action);
void add_selftest_command(CLI::App& app, Action& action);
void add_shrink_command(CLI::App& app, Action& action);

}  // namespace aoe::harness
