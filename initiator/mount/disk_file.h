// An open disk or partition, with the rules of a block device: its size is fixed, reads end there,
// and writes beyond it find no space.
//
// One rule is that of a file. A program that truncates the file (with O_TRUNC, as cp does, or with
// ftruncate(), as qemu-img does) relies on zeros wherever it writes nothing. The disk keeps its size
// and its content; but as long as such a program has the file open, it ends where it was truncated
// or has been written since, and what lies between that end and where this program writes next, or
// the size that anybody gives the file, is filled with zeros first. Reads see the whole disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/system/error_code.hpp>

#include "base/instant.h"
#include "initiator/mount/byte_disk.h"
#include "initiator/mount/read_ahead.h"

namespace aoe::initiator {

/// Returns the errno of an operation on a file; 0 for success.
int errno_of(const boost::system::error_code& error);

/// Where a truncated file ends. Shared by all who have open what starts at the same byte of a disk.
struct Truncation {
  unsigned holders = 0;   // open files that truncated it; 0: it is as long as its disk
  std::uint64_t end = 0;  // bytes from its start, while there are holders
};

class DiskFile {
 public:
  /// Called with an errno, and the bytes that were moved.
  using Done = std::function<void(int error, std::size_t size)>;
  using ReadDone = std::function<void(int error, Bytes bytes)>;

  /// `truncated`: it was opened with O_TRUNC. `disk` and `truncation` outlive the DiskFile, which
  /// outlives all that it began.
  DiskFile(ByteDisk& disk, Truncation& truncation, bool truncated);
  /// For read_on().
  void read_ahead(std::shared_ptr<ReadAhead::Source> source) { ahead_.emplace(std::move(source)); }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile();

  /// Where the file is on the disk, in bytes. A partition's place is fixed; a disk may grow.
  struct Extent {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
  };

  void read(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done,
            CancelSlot slot = {});
  /// The same, and reads ahead: after read_ahead().
  void read_on(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done,
               CancelSlot slot, Instant now);
  /// `synchronous`: what was written is stable before `done` is called.
  void write(const Extent& extent, std::uint64_t offset, Bytes from, bool synchronous, Done done,
             CancelSlot slot = {});
  void flush(Done done, CancelSlot slot = {});
  /// As ftruncate(): sets where the file ends. What it gains reads as zeros. Fails with EFBIG beyond
  /// the end of the disk.
  void truncate(const Extent& extent, std::uint64_t size, Done done, CancelSlot slot = {});
  /// As fallocate() without a mode: a file that ends before this range gets zeros up to its end.
  /// Fails with ENOSPC beyond the end of the disk.
  void allocate(const Extent& extent, std::uint64_t offset, std::uint64_t length, Done done,
                CancelSlot slot = {});
  enum class Zeros : std::uint8_t { written, punched };  // punched: by TRIM, or not at all
  /// Makes a range read as zeros. `keep_size`: the file ends where it did.
  void zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, Zeros how,
            bool keep_size, Done done, CancelSlot slot = {});

  bool was_written() const { return was_written_; }
  /// Whether it was cut by truncate() and nothing else was done to it: to no effect, because the
  /// disk keeps its size and its content.
  bool was_cut_in_vain() const { return was_cut_ && !was_written_; }

 private:
  /// The file ends at `end` at least from now on. Returns where it ended.
  std::uint64_t grow(std::uint64_t end);
  /// The same for what is written at `offset`. Returns from where zeros are to be written before it.
  std::uint64_t grow_for(std::uint64_t offset, std::uint64_t size);
  void hold();

  ByteDisk& disk_;
  Truncation& truncation_;
  std::optional<ReadAhead> ahead_;
  bool holds_ = false;  // it has truncated the file
  bool was_cut_ = false;
  bool was_written_ = false;
};

}  // namespace aoe::initiator
