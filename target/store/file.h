// A regular file or a block device that holds sectors, open and locked.
//
// Owns the descriptor and the lock (file_lock.h), and with others in this process the exclusive
// claim to a block device that it writes to: nothing can mount such a device. Knows what stores over it need: its size when it
// was opened, how transfers must be aligned, whether holes can be made.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "target/store/file_lock.h"
#include "target/store/operation.h"

namespace aoe::target {

/// A part of a file or a store, bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  bool operator==(const ByteRange&) const = default;
};

class File {
 public:
  struct Options {
    FileUse use = FileUse::write;
    bool direct = false;  // O_DIRECT
    bool sync = false;    // O_DSYNC
    bool create = false;  // creates a missing file, empty; an empty one is accepted
    bool force = false;   // writes to a block device even if something else holds it
    /// Only looks whether it could be opened: for reading, without a lock and a claim, so that what a
    /// target serves can be looked at, too.
    bool is_look = false;
    /// How long to wait while another process has it locked.
    std::chrono::milliseconds patience{1000};
  };

  /// Errors name the file: "disk.img: No such file or directory", "disk.img: neither a regular file
  /// nor a block device", "disk.img: smaller than one sector", "disk.img: in use by another
  /// process", "disk.img: direct I/O needs blocks of 4096 bytes here; use io: buffered", "/dev/sdb1:
  /// mounted, or held by something else; …". The file's content is not changed.
  static tl::expected<File, std::string> open(const std::string& path, const Options& options);

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_.get(); }
  /// The size when it was opened, bytes.
  std::uint64_t size() const { return size_; }
  bool is_device() const { return is_device_; }
  bool is_writable() const { return is_writable_; }
  /// Whether its file system has no locks, so that nothing keeps other processes from using it.
  bool is_unlocked() const { return lock_ && lock_->is_void(); }
  /// When a regular file was last changed before it was opened, nanoseconds since 1970; 0 for a
  /// device.
  std::uint64_t changed_at() const { return changed_at_; }
  /// Returns the same as it is now.
  std::uint64_t changed_at_now() const;
  /// Returns whether a regular file was changed since it was opened.
  bool has_changed() const;

  /// Whether it belongs to the user of this process.
  bool is_own() const { return is_own_; }
  /// Whether it is in the hands of a file server or of a program (FUSE), so that any call may wait,
  /// even one that asks not to.
  bool is_remote() const { return is_remote_; }

  /// The number of the disk or file system that it is on: what waits for one may not wait for another.
  std::uint64_t disk() const { return disk_; }
  /// Has an operation of a DiskQueue be done on this file.
  void aim(Operation& operation) const;

  /// Returns the size of physical sectors that a store over `range` reports, bytes: 512 where the
  /// range is not aligned to larger ones.
  std::uint32_t physical_sector_size(ByteRange range) const;
  /// Whether parts can become holes that read as zeros. Never for a file that is only read.
  bool can_punch() const { return can_punch_; }
  /// The alignment of the memory of a transfer, bytes: 1 without direct I/O, else 512 to 4096.
  /// Offset and length of a transfer need only be multiples of 512.
  std::uint32_t memory_alignment() const { return memory_alignment_; }

  // These wait for the disk.

  /// Reads a part within the file. EIO: it ends before.
  std::error_code read(std::uint64_t offset, MutableBytes into) const;
  std::error_code write(std::uint64_t offset, Bytes from) const;
  /// Makes all that was written stable.
  std::error_code sync() const;

  /// Returns whether the file now has at least `end` bytes.
  bool reaches(std::uint64_t end) const;

 private:
  File(std::string path, Descriptor descriptor, std::optional<FileLock> lock)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), lock_(std::move(lock)) {}

  std::string path_;
  Descriptor descriptor_;
  std::optional<FileLock> lock_;             // none of a look
  std::shared_ptr<const Descriptor> claim_;  // of a block device that is written to; see claim()
  std::uint64_t size_ = 0;
  bool is_device_ = false;
  bool is_writable_ = false;
  bool is_own_ = false;
  bool is_remote_ = false;
  std::uint64_t disk_ = 0;
  std::uint64_t changed_at_ = 0;
  std::uint32_t block_size_ = 512;  // a power of two
  bool can_punch_ = false;
  std::uint32_t memory_alignment_ = 1;
};

}  // namespace aoe::target
