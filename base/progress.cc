#include "base/progress.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/standard_streams.h"

namespace aoe {

std::string progress_line(std::uint64_t moved, std::optional<std::uint64_t> total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(moved) / seconds : 0;
  std::string so_far =
      fmt::format("{:.1f} MB  {:.1f} MB/s", static_cast<double>(moved) / 1e6, rate / 1e6);
  if (total.value_or(0) == 0) return so_far;
  const double part = std::min(1.0, static_cast<double>(moved) / static_cast<double>(*total));
  constexpr std::size_t width = 24;
  const auto full = static_cast<std::size_t>(part * width);
  std::string line =
      fmt::format("{:>3.0f} % [{:=<{}}{: <{}}] {}", part * 100, "", full, "", width - full, so_far);
  if (rate > 0) {
    const std::uint64_t rest = *total - std::min(moved, *total);
    const auto left = static_cast<std::uint64_t>(static_cast<double>(rest) / rate);
    line += fmt::format("  {}:{:02} left", left / 60, left % 60);
  }
  return line;
}

Progress::Progress(std::optional<std::uint64_t> total, bool wanted)
    : total_(total), shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) tell("\r\x1b[K");
}

void Progress::show(std::uint64_t moved) const {
  if (shown_) tell(fmt::format("\r{}\x1b[K", progress_line(moved, total_, seconds())));
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

}  // namespace aoe
