#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/standard_streams.h"

namespace aoe {
namespace {

constexpr double stall = 2;  // seconds without a byte that are worth a word

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

std::string minutes(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

/// The columns of the terminal on standard error.
std::size_t columns_of_terminal() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double part, std::size_t width) {
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
  return fmt::format("[{:=<{}}{: <{}}] ", "", full, "", width - full);
}

}  // namespace

std::string progress_line(const Moving& moving, std::size_t columns) {
  const double rate = moving.seconds > 0 ? static_cast<double>(moving.moved) / moving.seconds : 0;
  const std::uint64_t total = moving.total.value_or(0);
  // The last is what matters most.
  std::vector<std::string> facts{fmt::format("{:.1f} MB", static_cast<double>(moving.moved) / 1e6),
                                 fmt::format("{:.1f} MB/s", rate / 1e6)};
  if (moving.stalled >= stall) {
    facts.push_back("stalled " + minutes(moving.stalled));
  } else if (total > 0 && rate > 0) {
    const std::uint64_t rest = total - std::min(moving.moved, total);
    facts.push_back(minutes(static_cast<double>(rest) / rate) + " left");
  }
  const double part =
      total > 0 ? std::min(1.0, static_cast<double>(moving.moved) / static_cast<double>(total)) : 0;
  std::string front = moving.phase.empty() ? "" : moving.phase + " ";
  if (total > 0) front += fmt::format("{:>3.0f} % ", part * 100);

  constexpr std::size_t bar_max = 24;
  constexpr std::size_t bar_min = 4;
  constexpr std::size_t bar_frame = 3;
  std::string back = fmt::format("{}", fmt::join(facts, "  "));
  while (front.size() + back.size() >= columns && facts.size() > 1) {
    facts.erase(facts.begin());
    back = fmt::format("{}", fmt::join(facts, "  "));
  }
  const std::size_t used = front.size() + back.size() + bar_frame;
  if (total == 0 || used + bar_min >= columns) return front + back;
  return front + bar(part, std::min(bar_max, columns - used - 1)) + back;
}

Progress::Progress(std::optional<std::uint64_t> total, bool wanted)
    : moving_{.total = total}, shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) tell("\r\x1b[K");
}

void Progress::begin(std::string phase, std::optional<std::uint64_t> total) {
  moving_ = {.phase = std::move(phase), .total = total};
  begun_ = moved_last_ = Clock::now();
}

void Progress::show(std::uint64_t moved) {
  if (std::exchange(moving_.moved, moved) != moved) moved_last_ = Clock::now();
  moving_.seconds = seconds_since(begun_);
  moving_.stalled = seconds_since(moved_last_);
  if (shown_) tell(fmt::format("\r{}\x1b[K", progress_line(moving_, columns_of_terminal())));
}

double Progress::seconds() const {
  return seconds_since(made_);
}

}  // namespace aoe
