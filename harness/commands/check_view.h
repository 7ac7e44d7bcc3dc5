// What a person sees of `aoe-harness check` before its report: on a terminal how much of a file has
// been read; with --follow each finding as soon as it is certain, and on a terminal a line of counts
// below.
//
// Reads the clock. Owns the terminal's last line, and erases it before anything else is printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/progress.h"
#include "harness/capture/capture_reader.h"
#include "harness/report/capture_report.h"

namespace aoe::harness {

class CheckView {
 public:
  /// Both outlive it.
  CheckView(const CaptureCheck& check, const CaptureReportOptions& options, bool follows);
  ~CheckView() { clear(); }
  CheckView(const CheckView&) = delete;
  CheckView& operator=(const CheckView&) = delete;

  /// Called for each frame: draws the line a few times a second.
  void frame(const CaptureReader& reader);
  /// Called while no frame comes.
  void idle();
  /// Prints a finding, with its ladder if that is asked for.
  void found(const Finding& finding);
  /// Erases the line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  /// Is the line to be drawn again?
  bool is_due();
  void draw_counts();

  const CaptureCheck& check_;
  const CaptureReportOptions& options_;
  const bool follows_;
  const bool is_terminal_;
  bool is_drawn_ = false;
  std::uint64_t frames_ = 0;
  Clock::time_point next_{};
  std::optional<Progress> progress_;
};

}  // namespace aoe::harness
