// Who uses a file: an advisory lock (flock) against other processes, and a register of what this
// process has open.
//
// Locks belong to the process: read-only users share the file with those of other processes, a
// writer keeps other processes out. Inside the process any number of users share a file (two LUNs
// may serve parts of it, and a reload opens a file before it closes it), unless one of them uses it
// alone. May be used from several threads. On a file system without locks (NFS without a lock
// service) only the register is kept.
//
// A process that was killed keeps its lock until the kernel has finished the last of its transfers,
// which could otherwise overwrite what the next process writes. So the next process waits a little.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace aoe::target {

enum class FileUse : std::uint8_t {
  read,   // together with readers anywhere
  write,  // together with users in this process
  sole,   // alone
};

/// Holds the lock until it is destroyed.
class FileLock {
 public:
  /// Locks the file that `descriptor` has open. Blocks for at most `patience`, while another
  /// process has it locked. Errors: "in use by another process", "in use already" (by this one), or
  /// the system's.
  static tl::expected<FileLock, std::string> take(int descriptor, FileUse use,
                                                  std::chrono::milliseconds patience);

  FileLock(FileLock&& other) noexcept
      : key_(std::move(other.key_)),
        use_(other.use_),
        is_void_(other.is_void_),
        held_(std::exchange(other.held_, false)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

  /// Whether the file system has no locks, so that other processes are not kept out.
  bool is_void() const { return is_void_; }

 private:
  using Key = std::pair<dev_t, ino_t>;
  FileLock(Key key, FileUse use, bool is_void)
      : key_(std::move(key)), use_(use), is_void_(is_void) {}

  Key key_;
  FileUse use_;
  bool is_void_;
  bool held_ = true;
};

}  // namespace aoe::target
