#include "harness/world/program_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

/// Writes the text at an offset; gives up where the disk is full.
void write_at(int file, std::string_view text, std::size_t offset) {
  while (!text.empty()) {
    const ssize_t written = ::pwrite(file, text.data(), text.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    offset += static_cast<std::size_t>(written);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Takes the last line that is not empty off the text; empty where there is none.
std::string_view take_last_line(std::string_view& text) {
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);
  const std::string_view line = text.substr(text.rfind('\n') + 1);
  text.remove_suffix(line.size());
  return line;
}

}  // namespace

tl::expected<std::unique_ptr<ProgramLog>, std::string> ProgramLog::create(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() >= 0) return std::unique_ptr<ProgramLog>(new ProgramLog(std::move(file)));
  return tl::unexpected(fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

ProgramLog::~ProgramLog() {
  leave_out();
  write_out();
}

void ProgramLog::append(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  const std::size_t first = std::min(part - head_.size(), text.size());
  head_ += text.substr(0, first);
  tail_ += text.substr(first);
  if (tail_.size() > 2 * part) leave_out();
}

void ProgramLog::flush() {
  const std::scoped_lock lock(mutex_);
  write_out();
}

/// Leaves out all of the tail but its last part.
void ProgramLog::leave_out() {
  if (tail_.size() <= part) return;
  left_out_ += tail_.size() - part;
  tail_.erase(0, tail_.size() - part);
  is_gap_written_ = false;
}

void ProgramLog::write_out() {
  write_at(file_.get(), std::string_view(head_).substr(head_written_), head_written_);
  head_written_ = head_.size();
  if (!is_gap_written_) {
    const std::string gap = fmt::format("\n[... {} bytes are left out here ...]\n", left_out_);
    if (::ftruncate(file_.get(), part) != 0) return;
    write_at(file_.get(), gap, part);
    tail_at_ = part + gap.size();
    tail_written_ = 0;
    is_gap_written_ = true;
  }
  write_at(file_.get(), std::string_view(tail_).substr(tail_written_), tail_at_ + tail_written_);
  tail_written_ = tail_.size();
}

std::string ProgramLog::last_lines(std::size_t most) const {
  const std::scoped_lock lock(mutex_);
  const std::string text = tail_.size() >= part ? tail_ : head_ + tail_;
  std::string_view rest = text;
  std::string lines;
  for (; most > 0; --most) {
    const std::string_view line = take_last_line(rest);
    if (line.empty()) break;
    lines = lines.empty() ? std::string(line) : fmt::format("{}; {}", line, lines);
  }
  return lines.empty() ? "nothing" : lines;
}

}  // namespace aoe::harness
