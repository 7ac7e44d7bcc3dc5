// Who uses a file: an advisory lock (flock) against other processes, and a register of what this
// process has open.
//
// Locks belong to the process: read-only users share the file with those of other processes, a
// writer keeps other processes out. Inside the process any number of users share a file (two LUNs
// may serve parts of it, and one that is defined anew is opened before the old one goes), except
// where one wants it for itself. May be used from several threads.
//
// A process that was killed keeps its lock until the kernel has finished the last of its transfers,
// and so it must: they could overwrite what is written next. So whoever comes after waits a little.
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

/// Held until it is destroyed.
class FileLock {
 public:
  /// `descriptor` is the open file; blocks for at most `patience`, while another process has it.
  /// Errors: "in use by another process", "in use already" (by this
  /// one), or what the system says.
  static tl::expected<FileLock, std::string> take(int descriptor, FileUse use,
                                                  std::chrono::milliseconds patience);

  FileLock(FileLock&& other) noexcept
      : key_(std::move(other.key_)), use_(other.use_), held_(std::exchange(other.held_, false)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  using Key = std::pair<dev_t, ino_t>;
  FileLock(Key key, FileUse use) : key_(std::move(key)), use_(use) {}

  Key key_;
  FileUse use_;
  bool held_ = true;
};

}  // namespace aoe::target
