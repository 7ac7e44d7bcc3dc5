// A program that runs beside the harness: an implementation under test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace aoe::harness {

class Process {
 public:
  /// Starts `command` (found on PATH unless it has a slash); what it prints goes to the file `log`.
  static tl::expected<std::unique_ptr<Process>, std::string> start(
      const std::vector<std::string>& command, const std::string& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Ends it: SIGTERM, and SIGKILL where that does nothing for as long as its patience. It does not
  /// outlive this process either, however that ends.
  ~Process();

  bool is_running();
  /// How it ended: "ended with status 1", "was killed by signal 9 (Killed)". Empty while it runs.
  const std::string& end() const { return end_; }
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // -1 once it has ended
  std::string end_;
  std::chrono::milliseconds patience_{5000};
};

/// Runs a program to its end. The error is one line that holds what it printed.
tl::expected<void, std::string> run_program(const std::vector<std::string>& command);

}  // namespace aoe::harness
