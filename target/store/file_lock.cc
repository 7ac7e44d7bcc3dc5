#include "target/store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <map>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/privileges.h"

namespace aoe::target {
namespace {

/// A file that this process uses.
struct Entry {
  Descriptor descriptor;  // of the open file that the lock is on; outlives its users
  int users = 0;
  int writers = 0;  // of these users; one that uses the file alone is a writer
  bool is_sole = false;
  bool is_void = false;  // the file system has no locks
};

struct Registry {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, Entry> files;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

/// Locks as flock() does, but waits for at most `patience`. Fails with ENOLCK where the file system
/// has no locks.
bool lock(const Descriptor& file, int kind, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(file.get(), kind | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Moves the lock of `entry` to `descriptor`, exclusive. On failure the shared one stays.
bool make_exclusive(Entry& entry, Descriptor descriptor, std::chrono::milliseconds patience) {
  ::flock(entry.descriptor.get(), LOCK_UN);
  if (lock(descriptor, LOCK_EX, patience)) {
    entry.descriptor = std::move(descriptor);
    return true;
  }
  const int error = errno;
  ::flock(entry.descriptor.get(), LOCK_SH | LOCK_NB);
  errno = error;
  return false;
}

}  // namespace

tl::expected<FileLock, std::string> FileLock::take(int descriptor, FileUse use,
                                                   std::chrono::milliseconds patience) {
  const auto refusal = [] {
    return tl::unexpected(errno == EWOULDBLOCK ? std::string("in use by another process")
                                               : text_with_descriptor_limit(last_error()));
  };
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return refusal();
  const Key key(status.st_dev, status.st_ino);
  Descriptor own(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (own.get() < 0) return refusal();
  const bool writes = use != FileUse::read;

  Registry& shared = registry();
  const std::lock_guard guard(shared.mutex);
  const auto found = shared.files.find(key);
  if (found == shared.files.end()) {
    const bool is_void = !lock(own, writes ? LOCK_EX : LOCK_SH, patience);
    if (is_void && errno != ENOLCK) return refusal();
    shared.files.emplace(key,
                         Entry{std::move(own), 1, writes ? 1 : 0, use == FileUse::sole, is_void});
    return FileLock(key, use, is_void);
  }
  Entry& entry = found->second;
  if (entry.is_sole || use == FileUse::sole) return tl::unexpected(std::string("in use already"));
  if (writes && entry.writers == 0 && !entry.is_void &&
      !make_exclusive(entry, std::move(own), patience)) {
    return refusal();
  }
  ++entry.users;
  if (writes) ++entry.writers;
  return FileLock(key, use, entry.is_void);
}

FileLock::~FileLock() {
  if (!held_) return;
  Registry& shared = registry();
  const std::lock_guard guard(shared.mutex);
  const auto found = shared.files.find(key_);
  AOE_CHECK(found != shared.files.end());
  Entry& entry = found->second;
  if (--entry.users == 0) {
    // Closing is not enough: the user's own descriptor may be of the same open file.
    ::flock(entry.descriptor.get(), LOCK_UN);
    shared.files.erase(found);
  } else if (use_ != FileUse::read && --entry.writers == 0) {
    ::flock(entry.descriptor.get(), LOCK_SH | LOCK_NB);
  }
}

}  // namespace aoe::target
