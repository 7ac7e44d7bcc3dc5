// A part of a file mapped into memory, and copies from and to it that survive a fault.
//
// Where the file cannot provide a page (a hole that a full disk cannot fill, a file that was
// truncated, a disk that fails) the processor faults in the middle of a copy. Such a fault becomes
// the error of that copy (guarded_copy.h). A write that failed may have been done in part.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "target/store/file.h"

namespace aoe::target {

class Mapping {
 public:
  /// Maps `range` of the file. Keeps the file's descriptor, which outlives it, to read with where
  /// the mapping faults. Errors name the file.
  static tl::expected<Mapping, std::string> open(const File& file, ByteRange range, bool writable);

  Mapping(Mapping&& other) noexcept
      : pages_(std::exchange(other.pages_, {})),
        bytes_(other.bytes_),
        descriptor_(other.descriptor_),
        offset_(other.offset_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  std::uint64_t size() const { return bytes_.size(); }

  /// Returns the memory of a part. Reading it may fault.
  Bytes view(std::uint64_t offset, std::size_t size) const { return bytes_.subspan(offset, size); }
  /// Has the disk begin to read this part. Costs a system call.
  void expect(std::uint64_t offset, std::uint64_t size) const;
  // Parts lie within the mapping. After an error of read(), `into` holds undefined bytes.

  std::error_code read(std::uint64_t offset, MutableBytes into) const;
  std::error_code write(std::uint64_t offset, Bytes from) const;

 private:
  Mapping(MutableBytes pages, MutableBytes bytes, int descriptor, std::uint64_t offset)
      : pages_(pages), bytes_(bytes), descriptor_(descriptor), offset_(offset) {}

  MutableBytes pages_;  // what is mapped: whole pages
  MutableBytes bytes_;  // the range in them
  int descriptor_;
  std::uint64_t offset_;  // of the range, in the file
};

}  // namespace aoe::target
