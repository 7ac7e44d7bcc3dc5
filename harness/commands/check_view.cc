#include "harness/commands/check_view.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "base/standard_streams.h"

namespace aoe::harness {
namespace {

constexpr std::chrono::milliseconds period{250};
/// Frames of a file between two looks at the clock: some 10 ms.
constexpr std::uint64_t stride = 4096;
constexpr std::size_t columns = 79;

}  // namespace

CheckView::CheckView(const CaptureCheck& check, const CaptureReportOptions& options, bool follows)
    : check_(check),
      options_(options),
      follows_(follows),
      is_terminal_(::isatty(STDERR_FILENO) == 1) {}

bool CheckView::is_due() {
  const Clock::time_point now = Clock::now();
  if (!is_terminal_ || now < next_) return false;
  next_ = now + period;
  return true;
}

void CheckView::frame(const CaptureReader& reader) {
  if (follows_) return idle();
  if (++frames_ % stride != 0 || !is_due()) return;
  if (!progress_) progress_.emplace(reader.size(), true);
  progress_->show(reader.position());
}

void CheckView::idle() {
  if (is_due()) draw_counts();
}

void CheckView::draw_counts() {
  const CaptureCounts& counts = check_.counts();
  std::string line = fmt::format("{} frames: {} requests, {} replies, {} waiting", counts.frames,
                                 counts.requests, counts.replies, check_.waiting());
  for (const auto& [rule, count] : count_findings(check_, options_.level))
    line += fmt::format(", {} {}", count, rule->name);
  fmt::print(stderr, "\r\033[K{}", line.substr(0, columns));
  std::fflush(stderr);
  is_drawn_ = true;
}

void CheckView::found(const Finding& finding) {
  if (!is_at_least(level_of(finding), options_.level)) return;
  clear();
  write_output(finding_text(check_, finding, options_));  // what is lost is told at the end
}

void CheckView::clear() {
  progress_.reset();
  if (!is_drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  is_drawn_ = false;
}

}  // namespace aoe::harness
