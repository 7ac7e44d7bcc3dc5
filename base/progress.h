// The progress line of a command that moves many bytes, on standard error if that is a terminal.
//
// Owned by the command, which calls show() a few times a second with the bytes that it has moved,
// also while none move. Time counts from when it was made, or the phase began.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace aoe {

/// What a progress line shows.
struct Moving {
  std::string phase{};  // "verifying"; empty: that which needs no name
  std::uint64_t moved = 0;
  std::optional<std::uint64_t> total{};  // that is expected: a file that grows may move more
  double seconds = 0;
  double stalled = 0;  // seconds since anything moved
};

/// Returns "  42 % [==========              ] 12.3 MB  81.0 MB/s  0:21 left". On a narrow terminal of
/// so many columns the bar is shorter, and then what matters least is left out. Where nothing has
/// moved for some seconds it says so: "stalled 0:05".
std::string progress_line(const Moving& moving, std::size_t columns = 80);

class Progress {
 public:
  Progress(std::optional<std::uint64_t> total, bool wanted);
  /// Erases the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Counts from the start again, for what is done next: "verifying".
  void begin(std::string phase, std::optional<std::uint64_t> total);
  /// Writes the line over the last one.
  void show(std::uint64_t moved);
  /// Returns the time since it was made.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  Moving moving_;
  const bool shown_;
  const Clock::time_point made_ = Clock::now();
  Clock::time_point begun_ = made_;
  Clock::time_point moved_last_ = made_;
};

}  // namespace aoe
