// The line that tells how far a copy is, on standard error where that is a terminal.
//
// Owned by one copy, which calls show() with what it has moved. Time is that since it was made.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace aoe::initiator {

/// "  42 % [==========              ] 12.3 MB  81.0 MB/s  0:21 left" after so many seconds. The
/// total is what was expected: more may be moved of a file that grows.
std::string progress_line(std::uint64_t moved, std::optional<std::uint64_t> total, double seconds);

class Progress {
 public:
  Progress(std::optional<std::uint64_t> total, bool wanted);
  /// Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Writes the line anew, over the last one.
  void show(std::uint64_t moved) const;
  double seconds() const;

 private:
  const std::optional<std::uint64_t> total_;
  const bool shown_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace aoe::initiator
