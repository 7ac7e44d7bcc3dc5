// What a program prints, kept in a file: all of a little, the first and the last part of much, with
// a line between them that says how much was left out.
//
// Owned by what starts the program, and outlives it; a program that is started again goes on with
// the same log. Takes at most three parts of memory and of disk, whatever the program prints. Its
// calls may come from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/descriptor.h"

namespace aoe::harness {

/// Returns the last lines that are not empty, up to `most`, on one line: "one; two". They are fit to
/// print wherever they come from: of a longer one the first 200 characters and "…".
std::string last_lines(std::string_view text, std::size_t most);

class ProgramLog {
 public:
  /// Bytes that are kept of the beginning, and as many of the end.
  static constexpr std::size_t part = std::size_t{256} << 10;

  /// Makes the file, empty. The error names it.
  static tl::expected<std::unique_ptr<ProgramLog>, std::string> create(const std::string& path);
  ProgramLog(const ProgramLog&) = delete;
  ProgramLog& operator=(const ProgramLog&) = delete;
  /// The file is complete then.
  ~ProgramLog();

  /// Adds what the program printed. It is in the file once flush() is called, or some time after.
  void append(std::string_view text);
  /// Brings the file up to what was appended. A file that can't be written stays as it is.
  void flush();
  /// Returns the last lines as the function above does; "nothing" where there are none.
  std::string last_lines(std::size_t most) const;

 private:
  explicit ProgramLog(Descriptor file) : file_(std::move(file)) {}
  void leave_out();
  void write_out();

  const Descriptor file_;
  mutable std::mutex mutex_;      // of all that follows
  std::string head_;              // the first part
  std::string tail_;              // what came last: up to two parts
  std::uint64_t left_out_ = 0;    // bytes between them
  std::size_t head_written_ = 0;  // bytes of each that the file has
  std::size_t tail_written_ = 0;
  std::size_t tail_at_ = part;  // where the tail begins in the file
  bool is_gap_written_ = true;  // the file says of left_out_ what is so
};

}  // namespace aoe::harness
