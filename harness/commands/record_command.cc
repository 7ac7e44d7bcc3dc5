#include "harness/commands/record_command.h"

#include <poll.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "base/privileges.h"
#include "harness/report/capture_report.h"
#include "harness/run/exit_status.h"
#include "harness/run/interruption.h"
#include "proto/describe.h"
#include "wire/live_capture.h"

namespace aoe::harness {
namespace {

using Clock = std::chrono::steady_clock;

/// A signal that comes just before the wait is noticed after it.
constexpr int wait_max = 100;  // milliseconds

class Recording {
 public:
  Recording(const RecordOptions& options, LiveCapture& capture, PcapWriter& file)
      : options_(options),
        capture_(capture),
        file_(file),
        check_(std::filesystem::temp_directory_path(error_).string()) {}

  tl::expected<void, std::string> record() {
    const auto end = options_.time ? Clock::now() + *options_.time : Clock::time_point::max();
    while (!is_over(end)) {
      pollfd wait{capture_.descriptor(), POLLIN, 0};
      ::poll(&wait, 1, wait_max);
      if (auto taken = take(); !taken) return taken;
    }
    return {};
  }

  void tell() {
    check_.finish();
    const CaptureReportOptions report{.file = options_.file};
    fmt::print("{}{}", findings_text(check_, report), summary_text(check_, report));
    if (const std::uint64_t lost = capture_.lost(); lost > 0)
      fmt::print("{} frames came faster than they could be kept\n", lost);
  }

 private:
  bool is_over(Clock::time_point end) const {
    return interrupted() || Clock::now() >= end ||
           (options_.count > 0 && check_.counts().frames >= options_.count);
  }

  /// What waits, as far as it is wanted.
  tl::expected<void, std::string> take() {
    bool any = false;
    while (options_.count == 0 || check_.counts().frames < options_.count) {
      const auto frame = capture_.next();
      if (!frame) return tl::unexpected(frame.error());
      if (!*frame) break;
      any = true;
      file_.write((*frame)->time, (*frame)->bytes);
      check_.add({(*frame)->time, (*frame)->bytes, (*frame)->original_size});
      if (options_.verbose) print(**frame);
      if (interrupted()) break;
    }
    if (!any) return {};
    if (options_.verbose) std::fflush(stdout);
    return file_.flush();
  }

  void print(const PcapReader::Record& frame) {
    if (!first_) first_ = frame.time;
    const Untagged untagged = untag({frame.time, frame.bytes, frame.original_size}, room_);
    std::array<char, description_size_max> line;
    const auto decoded = decode(untagged.bytes);
    const std::string ends =
        decoded ? fmt::format("{} > {}", decoded->header.source, decoded->header.destination) : "?";
    fmt::print("{:.6f}  {}  {}\n", std::chrono::duration<double>(frame.time - *first_).count(),
               ends, describe(untagged.bytes, line));
  }

  const RecordOptions& options_;
  LiveCapture& capture_;
  PcapWriter& file_;
  std::error_code error_;
  CaptureCheck check_;
  std::optional<Duration> first_;
  std::vector<std::uint8_t> room_;
};

}  // namespace

int record_command(const RecordOptions& options) {
  note_interruptions();
  auto capture = LiveCapture::open(options.interface);
  if (!capture) {
    complain(capture.error());
    return exit_environment;
  }
  auto file = PcapWriter::create(options.file);
  if (!file) {
    complain(file.error());
    return exit_environment;
  }
  if (!target::drop_privileges()) {
    complain("privileges can't be given up");
    return exit_environment;
  }
  complain("recording on " + options.interface);
  Recording recording(options, **capture, **file);
  const auto recorded = recording.record();
  recording.tell();
  if (!recorded) {
    complain(recorded.error());
    return exit_environment;
  }
  return exit_passed;
}

}  // namespace aoe::harness
