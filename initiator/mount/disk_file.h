// An open disk or partition, with the rules of a block device: its size is fixed, reads end there,
// and writes beyond it find no space.
//
// One rule is that of a file. A program that opens with O_TRUNC (cp does) takes the file for empty
// and seeks past what shall be zeros. The disk keeps its size and its content; but a gap that such
// a writer leaves is filled with zeros, as far as no other has written behind it since.
#pragma once

#include <cstdint>
#include <functional>

#include <boost/system/error_code.hpp>

#include "initiator/mount/byte_disk.h"

namespace aoe::initiator {

/// Returns the errno of an operation on a file; 0 for success.
int errno_of(const boost::system::error_code& error);

class DiskFile {
 public:
  /// Called with an errno, and the bytes that were moved.
  using Done = std::function<void(int error, std::size_t size)>;
  using ReadDone = std::function<void(int error, Bytes bytes)>;

  /// `end` is the end of what was written since the file was last truncated, shared by all who have
  /// it open. `disk` and `end` outlive the DiskFile, which outlives all that it began.
  DiskFile(ByteDisk& disk, std::uint64_t& end, bool truncated);
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  /// Where the file is on the disk, in bytes. A partition's place is fixed; a disk may grow.
  struct Extent {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
  };

  void read(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done);
  /// `synchronous`: what was written is stable before `done` is called.
  void write(const Extent& extent, std::uint64_t offset, Bytes from, bool synchronous, Done done);
  void flush(Done done);
  /// Fills the gap of a truncated file before this offset with zeros.
  void extend(const Extent& extent, std::uint64_t offset, Done done);
  /// Writes zeros. With `punch`, fails unless the disk can do so by TRIM.
  void zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, bool punch,
            Done done);

  bool was_written() const { return was_written_; }

 private:
  ByteDisk& disk_;
  std::uint64_t& end_;
  const bool truncated_;
  bool was_written_ = false;
};

}  // namespace aoe::initiator
