// The log of a program that serves: lines on their way to a descriptor, as a rule standard error.
//
// A line never ends the program, and no thread waits until it is written. It goes into a queue of
// bounded size; a thread that the Log owns writes the queue to the descriptor. A line that the queue
// has no room for, or that cannot be written (a full disk, a pipe or terminal whose other end is
// gone), is lost and counted. Once writing works again, the log says how many were lost, and why.
//
// A line begins with the time (UTC), the program and the level:
//
//   2026-11-30T02:03:04.123Z aoe-target: warning: eth0: 12 frames lost before they were read, 0 not sent
//
// Where the descriptor is the journal's, which the environment's JOURNAL_STREAM says, a line begins
// with the number of the level, as in "<4>" (sd-daemon(3)): the journal adds the rest.
#pragma once

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/instant.h"

namespace aoe {

/// How much a line matters, the most important first.
enum class LogLevel : std::uint8_t { error, warning, info, debug };

/// The words for the levels, in the order of LogLevel.
inline constexpr std::array<std::string_view, 4> log_level_names{"error", "warning", "info",
                                                                 "debug"};
/// Returns the level of one of these words.
LogLevel log_level_of(std::string_view name);

/// A line that is to be logged.
struct LogLine {
  LogLevel level;
  std::string text;

  bool operator==(const LogLine&) const = default;
};

/// What gives lines to a Log, for those that only log. Called from any thread.
using Logger = std::function<void(LogLevel level, std::string_view line)>;

class Log {
 public:
  struct Options {
    std::string program;              // its name, in each line
    LogLevel level = LogLevel::info;  // the least important that is written
    int descriptor = STDERR_FILENO;   // stays open until the process ends
    std::size_t size_max = 1 << 20;   // bytes of lines that wait to be written, from start() on
    /// How long drain() and the destructor wait for the lines that are not written yet.
    Duration patience = std::chrono::seconds(1);
  };

  /// Takes lines from now on, and writes them from start() on. Until then all of them wait: they are
  /// about the start, and their number is that of what is opened. SIGPIPE is ignored in the whole
  /// process from then on.
  explicit Log(const Options& options);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  /// Writes the lines that wait, for as long as the patience lasts. The thread may then still be
  /// held by the descriptor: it is left to the end of the process, and what it uses outlives the Log.
  /// Lines of a Log that was never started are dropped.
  ~Log();

  /// Starts the thread that writes. A program that gives up privileges calls it afterwards, because
  /// a thread has privileges of its own. Throws std::system_error when there can be no more threads.
  void start();

  /// Adds a line, without its newline, from any thread. Takes a lock for a moment. Characters that
  /// a terminal would interpret are replaced.
  void operator()(LogLevel level, std::string_view line) const noexcept;
  /// Adds a line of a Trace in the same way, whatever the level; it has a time of its own.
  void trace(std::string_view line) const noexcept;

  /// Waits until every line so far is written or lost, for as long as the patience lasts. Returns
  /// whether they are. The Log was started.
  bool drain() const;

 private:
  class Writer;

  const Options options_;
  const bool is_journal_;
  const std::shared_ptr<Writer> writer_;
  bool is_started_ = false;
};

}  // namespace aoe
