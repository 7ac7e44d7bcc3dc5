// A program that runs beside the harness: an implementation under test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "base/instant.h"
#include "harness/language/implementation.h"
#include "harness/world/program_log.h"

namespace aoe::harness {

class Process {
 public:
  /// Starts `command` (found on PATH unless it has a slash). What it prints goes to `log`, which
  /// outlives the process. The error names the program, or says that it can't be started.
  static tl::expected<std::unique_ptr<Process>, std::string> start(
      const std::vector<std::string>& command, ProgramLog& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Ends the program: SIGTERM, and SIGKILL where that does nothing for as long as its patience;
  /// and what it started, SIGKILL. The kernel ends it with this process, too.
  ~Process();

  /// Once it has ended, all that it printed is in its log.
  bool is_running();
  /// Stops the program and the children that it started, or lets them go on.
  void pause(bool paused);
  /// Kills the program and waits until it is gone.
  void kill();
  /// Returns how it ended, as describe_end() has it. Empty while it runs.
  const std::string& end() const { return end_; }
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

 private:
  Process(pid_t pid, Descriptor output, ProgramLog& log);
  /// Reaps the program, which has ended or is about to, kills what it started, and completes the log.
  void bury();
  /// Takes what is printed to the log, until the program's end or until it is told to stop.
  void listen();
  /// Takes some of what was printed. Returns false where there is nothing now.
  bool take_some();

  pid_t pid_;  // -1 once it has ended
  std::string end_;
  std::chrono::milliseconds patience_{5000};
  ProgramLog& log_;
  const Descriptor output_;  // what it prints; reading never waits
  const Descriptor stop_;    // tells the listener to stop
  std::thread listener_;
};

/// Descriptors that become a program's standard input, output and error; input -1: it has nothing to
/// read.
struct StandardStreams {
  int input = -1;
  int output = -1;
  int error = -1;
};
/// Starts a program as the leader of a process group of its own, which the kernel kills when the
/// thread that called this ends. The error names the program and why it can't be started.
tl::expected<pid_t, std::string> spawn(const std::vector<std::string>& command,
                                       const StandardStreams& streams);

/// Has the programs that this process starts from now on find monotonic clocks (CLOCK_MONOTONIC and
/// CLOCK_BOOTTIME) that show `reading` now, in a time namespace of their own. The error says why the
/// kernel does not do that.
tl::expected<void, std::string> set_clock_of_programs(Duration reading);

/// Waits until a child process is gone; returns its status, as waitpid(2) has it.
int wait_for_end(pid_t pid);
/// "ended with status 1", "was killed by signal 9 (Killed)".
std::string describe_end(int status);

/// Makes this process the parent of what its programs leave behind when they end.
void adopt_orphans();
/// Kills all that adopt_orphans() has brought: all children but the spared ones.
void end_orphans(const std::vector<pid_t>& spared = {});
/// Returns those that its first thread started or adopt_orphans() has brought.
std::vector<pid_t> children_of_this_process();

/// Runs a program to its end and returns what it printed, the first 256 KiB of it. The error is one
/// line that holds the last ten lines of that, as last_lines() has them.
tl::expected<std::string, std::string> output_of(const std::vector<std::string>& command);
/// Runs a program to its end.
tl::expected<void, std::string> run_program(const std::vector<std::string>& command);

/// Returns the first line that the implementation's version command prints; empty where it has no
/// such command or that fails.
std::string version_of(const Implementation& implementation);

}  // namespace aoe::harness
