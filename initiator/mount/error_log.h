// The lines of dev/etherd/err: diagnostics that wait to be read, each line once.
//
// Bounded: when nobody reads, the oldest lines are dropped, and the next reader gets their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace aoe::initiator {

class ErrorLog {
 public:
  explicit ErrorLog(std::size_t lines_max = 1024) : lines_max_(lines_max) {}

  /// Adds a line without its newline.
  void add(std::string_view line);
  bool empty() const { return lines_.empty(); }

  /// Takes as many whole lines as fit, or a part of one line that is longer. Empty without lines.
  std::string take(std::size_t size_max);

 private:
  const std::size_t lines_max_;
  std::deque<std::string> lines_;
  std::uint64_t lost_ = 0;  // since the last that was taken
};

}  // namespace aoe::initiator
