// One operation on a disk: the same record on its whole way from the service to the disk queue.
//
// The service fills in what the LUN wants. A store that keeps its sectors in a file adds the
// descriptor and the place in the file, and passes the record on to the disk queue. The starter
// owns it and keeps it, and its buffers, in place until done(); meanwhile its fields belong to the
// store and the queue, which may change them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>

#include <boost/intrusive/list.hpp>

#include "base/bytes.h"

namespace aoe::target {

class Operation {
 public:
  enum class Kind : std::uint8_t { read, write, flush, trim };

  /// Alignment of the buffers of an operation that may be done later, bytes: direct I/O needs it.
  static constexpr std::size_t alignment = 4096;

  Kind kind = Kind::read;
  /// read, write: bytes from the start of the store; in a DiskQueue, of the file.
  std::uint64_t offset = 0;
  /// read: filled whole on success, and only then looked at.
  MutableBytes into;
  /// write: on success, every later read returns these bytes.
  /// trim: a TrimList (proto/trim.h), each range within the store.
  Bytes from;

  // For a DiskQueue: set by the store.

  int descriptor = -1;
  /// A transfer that the kernel did in part goes on at a multiple of this, bytes.
  std::uint32_t granule = 1;
  /// read, write: even to begin it may take a wait (File::is_remote()).
  bool needs_thread = false;
  /// Operations on other disks do not wait for this one (File::disk()).
  std::uint64_t disk = 0;
  /// trim: bytes from `offset` on that become a hole. `from` is not used there.
  /// flush: bytes that the file must have afterwards, or data is lost (EIO).
  std::uint64_t length = 0;
  /// What the kernel returned: the bytes moved, 0 for a flush or trim, or a negative errno.
  int returned = 0;

  /// Of the one OperationList that it is in.
  boost::intrusive::list_member_hook<> link;

  /// Called exactly once: by a store, perhaps from within start(); by a DiskQueue, from within
  /// reap() or wait(). No error is success. is_gone(error) says that the disk is no longer there.
  virtual void done(std::error_code error) = 0;

 protected:
  ~Operation() = default;
};

/// Operations that wait for something, in their order. Takes no memory: an operation that has begun
/// is not to fail for the want of it.
using OperationList = boost::intrusive::list<
    Operation, boost::intrusive::member_hook<Operation, boost::intrusive::list_member_hook<>,
                                             &Operation::link>>;

/// An operation whose starter waits for its result.
class AwaitedOperation final : public Operation {
 public:
  void done(std::error_code error) override { result = error; }

  std::optional<std::error_code> result;  // once it is done
};

}  // namespace aoe::target
