// Where a LUN's sectors live: one asynchronous interface for every kind of storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "base/bytes.h"

namespace aoe::target {

/// One disk operation. Whoever starts it owns it, and keeps it (and its buffers) in place until
/// done().
class StoreOperation {
 public:
  enum class Kind : std::uint8_t { read, write, flush, trim };

  /// How the buffers of an operation that may be done later are aligned, bytes: direct I/O needs
  /// it.
  static constexpr std::size_t alignment = 4096;

  Kind kind = Kind::read;
  std::uint64_t offset = 0;  // read, write: bytes from the start of the store
  MutableBytes into;         // read: filled whole on success, and only then looked at
  Bytes from;                // write: on success, whoever reads from now on reads these bytes
                             // trim: a TrimList (proto/trim.h), each range within the store

  /// Called exactly once, by the store, perhaps from within start(). No error is success.
  /// is_gone(error) says that the disk itself is no longer there.
  virtual void done(std::error_code error) = 0;

 protected:
  ~StoreOperation() = default;
};

/// Does this error say that the store as a whole is gone (ENODEV, ENXIO, ENOTCONN, ESHUTDOWN,
/// ENOMEDIUM), as a disk that was pulled is? Another try may find it back.
bool is_gone(const std::error_code& error);

/// What a store can do, for IDENTIFY DEVICE.
struct StoreTraits {
  std::uint32_t physical_sector_size = 512;  // bytes, a power of two
  bool can_trim = false;
  bool trimmed_reads_zero = false;  // a trimmed sector reads as zeros until it is written again

  bool operator==(const StoreTraits&) const = default;
};

/// Errors of a store are answers to an operation, never exceptions and never the end of the
/// process. Used by one thread at a time.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  /// No operation is in flight.
  virtual ~Store() = default;

  /// Bytes; whole sectors. Operations stay within it: the LUN has checked.
  virtual std::uint64_t size() const = 0;
  virtual StoreTraits traits() const { return {}; }

  /// Is an operation of this kind done before start() returns? Then its buffers need neither
  /// outlive the call nor be aligned, and no data is copied. Its buffers are the whole frame's size
  /// at most.
  virtual bool is_immediate(StoreOperation::Kind kind) const = 0;

  /// Where these sectors lie in memory, for a store that has them there; else nothing. What is read
  /// there is what a read would give, but it may fault where a mapped file can't give its page:
  /// fit for the kernel to read, which then says EFAULT. Good until the next operation.
  virtual Bytes view(std::uint64_t /*offset*/, std::size_t /*size*/) { return {}; }

  /// A read or write of this part is likely to follow at once, after others of its batch: whatever
  /// can be waited for together may begin. Changes nothing.
  virtual void fetch_ahead(std::uint64_t /*offset*/, std::size_t /*size*/,
                           StoreOperation::Kind /*kind*/) {}

  /// Begins an operation. A flush succeeds once every write that was done before it began is
  /// stable: it survives a crash of this process and of the machine. A store that cannot trim takes
  /// a trim and does nothing.
  virtual void start(StoreOperation& operation) = 0;
  /// What was started is on its way to the disk: called after a batch.
  virtual void submit() {}
  /// Blocks until operations in flight (there are some) are done, at least one of them. For the end
  /// of a program or of a LUN, not for an event loop.
  virtual void wait();

  /// For a store that has a wait of its own, apart from a DiskQueue: readable when operations may
  /// be done; the event loop then calls reap(). Else -1.
  virtual int descriptor() const { return -1; }
  virtual void reap() {}
};

/// Flushes and waits until that is over: for the end of a program, not for an event loop.
std::error_code flush_and_wait(Store& store);

}  // namespace aoe::target
