// Where a LUN's sectors live: one asynchronous interface for every kind of storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "base/bytes.h"
#include "target/store/operation.h"

namespace aoe::target {

/// Returns whether the error says that the whole store is gone, as a disk that was pulled is
/// (ENODEV, ENXIO, ENOTCONN, ESHUTDOWN, ENOMEDIUM). A later operation may find it again.
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

  /// Bytes, a multiple of 512. The LUN has checked that operations stay within it.
  virtual std::uint64_t size() const = 0;
  virtual StoreTraits traits() const { return {}; }
  /// The parts of the store that a write may copy as a whole, bytes: a power of two, counted from the
  /// store's start, and always the same. Operations on one part are not to be under way together.
  virtual std::uint32_t copied_size() const { return 512; }

  /// Does an operation at once, if that needs no wait for a disk. Returns its result, and calls no
  /// done(): its buffers need neither outlive the call nor be aligned. Returns nothing where it would
  /// have to wait; start() it then, which does again what was done. A write may only be tried where
  /// `operation.from` can stay in place longer than this call takes (see Handover::lend()).
  virtual std::optional<std::error_code> try_now(const Operation& /*operation*/) { return {}; }

  /// Returns where these sectors lie in memory, for a store that has them there now; no bytes where
  /// they have to be asked for by try_now(); nothing where a read would have to wait: start() it.
  /// The memory holds what a read would return, but it may fault where a mapped file can't provide
  /// its page: only the kernel may read it, which then reports EFAULT. Valid until the next
  /// operation.
  virtual std::optional<Bytes> view(std::uint64_t /*offset*/, std::size_t /*size*/) {
    return Bytes{};
  }

  /// A hint: a read or write of this part is likely to follow, after others of its batch, so that
  /// the store can begin with what can be waited for together. Changes nothing.
  virtual void fetch_ahead(std::uint64_t /*offset*/, std::size_t /*size*/,
                           Operation::Kind /*kind*/) {}

  /// Begins an operation; done() may be called before this returns. Waits for no disk. Throws
  /// std::bad_alloc when there is no memory to begin it; there is no done() then. A flush
  /// succeeds once every write that was done before it began is
  /// stable: it survives a crash of this process and of the machine. A store that cannot trim does
  /// nothing on a trim, and succeeds. Without a start() of its own, a store does everything in
  /// try_now().
  virtual void start(Operation& operation);
  /// Sends what was started on its way to the disk: called after a batch.
  virtual void submit() {}
  /// Blocks until an operation in flight (there is one) may be done; the caller checks whether its
  /// own is. For the end of a program or of a LUN, not for an event loop.
  virtual void wait();

  /// For a store that has a descriptor of its own to wait for, apart from a DiskQueue: readable
  /// when operations may be done; the event loop then calls reap(). Else -1.
  virtual int descriptor() const { return -1; }
  virtual void reap() {}

  /// Notes that what the store had beyond its first `size` bytes was cut off on purpose: a flush that
  /// begins from now on succeeds without it. Does nothing for a store that can't be cut.
  virtual void cut(std::uint64_t /*size*/) {}

  /// Returns what is wrong even if no operation has failed yet, for the log: "golden.img has changed
  /// under client3.cow". Empty for nothing.
  virtual std::string trouble() const { return {}; }
};

// These wait for the result: for the start and the end of a program, not for an event loop.

std::error_code flush_and_wait(Store& store);
std::error_code read_and_wait(Store& store, std::uint64_t offset, MutableBytes into);

}  // namespace aoe::target
