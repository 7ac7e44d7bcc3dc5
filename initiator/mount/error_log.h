// The lines of dev/etherd/err: diagnostics that wait for whoever reads them, each one once.
//
// Bounded: when nobody reads, the oldest lines go, and the next reader is told how many.
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

  /// A line without its end.
  void add(std::string_view line);
  bool empty() const { return lines_.empty(); }

  /// As many whole lines as fit; a part of one line that is longer. Nothing when there is none.
  std::string take(std::size_t size_max);

 private:
  const std::size_t lines_max_;
  std::deque<std::string> lines_;
  std::uint64_t lost_ = 0;  // since the last that was taken
};

}  // namespace aoe::initiator
