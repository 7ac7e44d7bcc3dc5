// Calls on files that may block, done off the event loop: by io_uring where the kernel allows it,
// else by a few threads. One queue serves all stores of a worker.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "target/store/operation.h"

namespace aoe::target {

/// Does operations on file descriptors: pread(2), pwrite(2), fdatasync(2) for a flush, and
/// fallocate(2) for a trim, which makes a hole and leaves the file's size. What the kernel does in
/// part is continued; an end of file before the end of a transfer is EIO. EAGAIN is an operation that
/// was not begun, or a flush not ended, for want of memory or of a thread.
///
/// Operations on one file do not hold up those on others for long: at most `file_operations_max` of
/// them are with the kernel at a time.
///
/// Has no thread before its first operation, so that none keeps privileges that the process drops
/// before. Used by one thread at a time. No operation is in flight when it is destroyed.
class DiskQueue {
 public:
  /// `name` is a literal.
  explicit DiskQueue(std::string_view name = {}) : name_(name) {}
  DiskQueue(const DiskQueue&) = delete;
  DiskQueue& operator=(const DiskQueue&) = delete;
  virtual ~DiskQueue() = default;

  static constexpr std::size_t file_operations_max = 128;

  /// What does the work: "io_uring", "threads".
  std::string_view name() const { return name_; }

  /// Takes any number of operations, and no memory for them. They are on their way after submit(), or, where they are
  /// started from within done(), when reap() or wait() returns.
  virtual void start(Operation& operation) = 0;
  virtual void submit() = 0;
  /// Readable when operations may be done; the event loop then calls reap().
  virtual int descriptor() const = 0;
  virtual void reap() = 0;
  /// Blocks until the kernel has done something for an operation in flight (there is one).
  virtual void wait() = 0;

  /// A call of done(), to be made again because the thread that was in the middle of it did not come
  /// back (see Handover).
  struct Delivery {
    Operation* operation;
    std::error_code error;
  };
  /// Returns the call of done() that was under way on a thread that was superseded, if any.
  std::optional<Delivery> take_interrupted() { return std::exchange(delivering_, std::nullopt); }
  void deliver(const Delivery& delivery);

 protected:
  /// Takes what the kernel returned for an operation: the bytes moved, 0 for a flush or trim, or a
  /// negative errno. Calls done(), or starts what is left of the operation.
  void finish(Operation& operation, int result);

 private:
  std::string_view name_;
  std::optional<Delivery> delivering_;
};

/// Returns a queue over io_uring; null where the kernel refuses it (an old kernel, a container, a
/// sysctl).
std::unique_ptr<DiskQueue> make_ring_queue();
/// Returns a queue over a few threads of its own.
std::unique_ptr<DiskQueue> make_thread_queue();
/// Returns a queue over io_uring where the kernel allows it, else over threads.
std::unique_ptr<DiskQueue> make_disk_queue();

}  // namespace aoe::target
