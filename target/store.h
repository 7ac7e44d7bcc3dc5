// Where a LUN's sectors live: one asynchronous interface for every kind of storage.
#pragma once

#include <cstdint>
#include <system_error>

#include "proto/bytes.h"

namespace aoe::target {

/// One disk operation. Whoever starts it owns it, and keeps it (and its buffers) in place until
/// done().
class StoreOperation {
 public:
  enum class Kind : std::uint8_t { read, write, flush };

  Kind kind = Kind::read;
  std::uint64_t offset = 0;  // bytes from the start of the store
  MutableBytes into;         // read: filled whole on success, and only then looked at
  Bytes from;                // write: on success, whoever reads from now on reads these bytes

  /// Called exactly once, by the store, perhaps from within start(). No error is success.
  virtual void done(std::error_code error) = 0;

 protected:
  ~StoreOperation() = default;
};

/// Errors of a store are answers to an operation, never exceptions and never the end of the
/// process.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// Bytes; whole sectors. Operations stay within it: the LUN has checked.
  virtual std::uint64_t size() const = 0;

  /// Begins an operation. A flush succeeds once every write that was done before it began is
  /// stable: it survives a crash of this process and of the machine.
  virtual void start(StoreOperation& operation) = 0;

  /// Readable when operations may be done; the event loop then calls reap(). -1 for a store that
  /// needs no waking.
  virtual int descriptor() const { return -1; }
  virtual void reap() {}

  /// Is every operation done before start() returns? Then buffers need not outlive the call, and no
  /// data is copied. A store without a descriptor that finishes later (on a virtual clock, say)
  /// must say no.
  virtual bool is_synchronous() const { return descriptor() == -1; }
};

/// Flushes and waits until that is over: for the end of a program, not for an event loop.
std::error_code flush_and_wait(Store& store);

}  // namespace aoe::target
