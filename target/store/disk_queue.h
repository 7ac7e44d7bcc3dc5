// Calls on files that may block, done off the event loop: io_uring where the kernel allows it, a
// few threads where not. One queue serves all stores of a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace aoe::target {

/// One call on a file. Whoever starts it owns it and keeps it, and its buffer, in place until
/// done().
class DiskRequest {
 public:
  enum class Kind : std::uint8_t {
    read,   // pread(2) into `into`
    write,  // pwrite(2) of `from`
    sync,   // fdatasync(2)
    punch,  // fallocate(2): `length` bytes become a hole that reads as zeros; the size stays
  };

  Kind kind = Kind::read;
  int descriptor = -1;
  std::uint64_t offset = 0;  // bytes; read, write, punch
  MutableBytes into;
  Bytes from;
  std::uint64_t length = 0;

  /// Called exactly once from within DiskQueue::reap() or wait(), never from start(). The bytes
  /// moved (perhaps fewer than asked for), 0 for sync and punch, or a negative errno.
  virtual void done(int result) = 0;

 protected:
  ~DiskRequest() = default;
};

/// Used by one thread at a time. No request is in flight when it is destroyed.
class DiskQueue {
 public:
  /// `name` is a literal.
  explicit DiskQueue(std::string_view name = {}) : name_(name) {}
  DiskQueue(const DiskQueue&) = delete;
  DiskQueue& operator=(const DiskQueue&) = delete;
  virtual ~DiskQueue() = default;

  /// What does the work: "io_uring", "threads".
  std::string_view name() const { return name_; }

  /// Takes any number of requests. They are on their way after submit(), or, where they are started
  /// from within done(), when reap() or wait() returns.
  virtual void start(DiskRequest& request) = 0;
  virtual void submit() = 0;
  /// Readable when requests may be done; the event loop then calls reap().
  virtual int descriptor() const = 0;
  virtual void reap() = 0;
  /// Blocks until at least one of the requests in flight (there are some) is done.
  virtual void wait() = 0;

 private:
  std::string_view name_;
};

/// io_uring; null where the kernel refuses it (an old kernel, a container, a sysctl).
std::unique_ptr<DiskQueue> make_ring_queue();
/// A few threads of its own.
std::unique_ptr<DiskQueue> make_thread_queue();
/// The better one that can be had here.
std::unique_ptr<DiskQueue> make_disk_queue();

}  // namespace aoe::target
