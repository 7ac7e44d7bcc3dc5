// The progress line of a command that moves many bytes, on standard error if that is a terminal.
//
// Owned by the command, which calls show() with the bytes that it has moved. Time counts from when
// it was made.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace aoe {

/// Returns "  42 % [==========              ] 12.3 MB  81.0 MB/s  0:21 left". `total` is the
/// expected number of bytes: a file that grows may move more.
std::string progress_line(std::uint64_t moved, std::optional<std::uint64_t> total, double seconds);

class Progress {
 public:
  Progress(std::optional<std::uint64_t> total, bool wanted);
  /// Erases the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Writes the line over the last one.
  void show(std::uint64_t moved) const;
  double seconds() const;

 private:
  const std::optional<std::uint64_t> total_;
  const bool shown_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace aoe
