#include "harness/world/program_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "base/printable.h"

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

/// What is printable of a line, up to a length.
std::string fit_to_print(std::string_view line) {
  constexpr std::size_t characters_max = 200;
  constexpr std::size_t character_size_max = 4;
  std::string text = one_line(line.substr(0, character_size_max * (characters_max + 1)));
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && seen++ == characters_max) return text.substr(0, i) + "…";
  }
  return text;
}

}  // namespace

std::string last_lines(std::string_view text, std::size_t most) {
  std::string lines;
  for (; most > 0; --most) {
    const std::string_view line = take_last_line(text);
    if (line.empty()) break;
    const std::string shown = fit_to_print(line);
    lines = lines.empty() ? shown : fmt::format("{}; {}", shown, lines);
  }
  return lines;
}

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
  const std::string lines = harness::last_lines(tail_.size() >= part ? tail_ : head_ + tail_, most);
  return lines.empty() ? "nothing" : lines;
}

}  // namespace aoe::harness
