// A disk or a partition that somebody holds open, with the rules of a block device: it has its
// size, reads end there, and writes beyond find no space.
//
// One rule is a file's. Who opens with O_TRUNC (cp does) takes the file for empty and seeks past
// what shall be zeros. The disk keeps its size and what lies behind; but a gap that such a writer
// leaves is filled with zeros, as far as nobody else has written behind it since.
#pragma once

#include <cstdint>
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

  /// `end` is where what was written since the file was last truncated ends, for all who have it
  /// open. `disk` and `end` outlive it, and it outlives what it began.
  DiskFile(ByteDisk& disk, std::uint64_t& end, bool truncated);
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
  ByteDisk& disk_;
  std::uint64_t& end_;
  const bool truncated_;
  bool was_written_ = false;
};

}  // namespace aoe::initiator
