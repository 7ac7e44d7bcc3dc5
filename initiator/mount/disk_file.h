// A disk or a partition that somebody holds open, with the rules of a block device: it has its
// size, reads end there, and writes beyond find no space.
//
// One rule is a file's. Who opens with O_TRUNC (cp does) takes the file for empty and seeks past
// what shall be zeros. The disk keeps its size and what lies behind; but a gap that such a writer
// leaves is filled with zeros.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include <boost/system/error_code.hpp>

#include "initiator/mount/byte_disk.h"

namespace aoe::initiator {

/// The errno that tells a user of a file what became of an operation; 0 for success.
int errno_of(const boost::system::error_code& error);

class DiskFile {
 public:
  /// An errno, and how much was moved.
  using Done = std::function<void(int error, std::size_t size)>;
  using ReadDone = std::function<void(int error, Bytes bytes)>;

  /// `disk` outlives it, and it outlives what it began.
  DiskFile(ByteDisk& disk, bool truncated) : disk_(disk), truncated_(truncated) {}
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  /// Where the file lies on the disk, bytes. A partition's place stays; a disk may grow.
  struct Extent {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
  };

  void read(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done);
  /// `synchronous`: what was written is stable before it is done.
  void write(const Extent& extent, std::uint64_t offset, Bytes from, bool synchronous, Done done);
  void flush(Done done);
  /// Fills with zeros what a truncated file has before this offset.
  void extend(const Extent& extent, std::uint64_t offset, Done done);
  /// With `punch`: only where the disk has a way to do so that is not writing.
  void zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, bool punch,
            Done done);

  bool was_written() const { return was_written_; }

 private:
  /// Fills the gap before `offset`; meanwhile nothing else of this file is written.
  void fill(std::uint64_t start, std::uint64_t offset, ByteDisk::Done done);
  void in_turn(std::function<void()> change);
  void write_now(std::uint64_t at, Bytes from, bool synchronous, Done done);

  ByteDisk& disk_;
  const bool truncated_;
  std::uint64_t end_ = 0;  // of what was written since it was truncated
  bool filling_ = false;
  std::deque<std::function<void()>> waiting_;  // for the filling
  bool was_written_ = false;
};

}  // namespace aoe::initiator
