// A program that runs beside the harness: an implementation under test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "harness/language/implementation.h"

namespace aoe::harness {

class Process {
 public:
  /// Starts `command` (found on PATH unless it has a slash); what it prints goes to the file `log`.
  static tl::expected<std::unique_ptr<Process>, std::string> start(
      const std::vector<std::string>& command, const std::string& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Ends the program: SIGTERM, and SIGKILL where that does nothing for as long as its patience.
  /// The kernel ends it with this process, too.
  ~Process();

  bool is_running();
  /// Stops the program and the children that it started, or lets them go on.
  void pause(bool paused);
  /// Kills the program and waits until it is gone.
  void kill();
  /// Returns how it ended, as describe_end() has it. Empty while it runs.
  const std::string& end() const { return end_; }
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // -1 once it has ended
  std::string end_;
  std::chrono::milliseconds patience_{5000};
};

/// Waits until a child process is gone; returns its status, as waitpid(2) has it.
int wait_for_end(pid_t pid);
/// "ended with status 1", "was killed by signal 9 (Killed)".
std::string describe_end(int status);

/// Returns the last line of a program's log; "nothing" where it is empty.
std::string last_line(const std::string& log);

/// Runs a program to its end and returns what it printed. The error is one line that holds that.
tl::expected<std::string, std::string> output_of(const std::vector<std::string>& command);
/// Runs a program to its end.
tl::expected<void, std::string> run_program(const std::vector<std::string>& command);

/// Returns the first line that the implementation's version command prints; empty where it has no
/// such command or that fails.
std::string version_of(const Implementation& implementation);

}  // namespace aoe::harness
