#include "target/store/disk_queue.h"

#include "base/descriptor.h"

namespace aoe::target {

void DiskQueue::finish(Operation& operation, int result) {
  if (result < 0) return deliver({&operation, error_of(-result)});
  const bool is_read = operation.kind == Operation::Kind::read;
  if (!is_read && operation.kind != Operation::Kind::write) return deliver({&operation, {}});
  std::size_t moved = static_cast<std::size_t>(result);
  if (moved == (is_read ? operation.into.size() : operation.from.size())) {
    return deliver({&operation, {}});
  }
  // Direct I/O goes on only where memory and file are aligned for it.
  moved -= moved % operation.granule;
  if (moved == 0) return deliver({&operation, error_of(EIO)});
  operation.offset += moved;
  if (is_read) {
    operation.into = operation.into.subspan(moved);
  } else {
    operation.from = operation.from.subspan(moved);
  }
  start(operation);
}

void DiskQueue::deliver(const Delivery& delivery) {
  delivering_ = delivery;
  delivery.operation->done(delivery.error);
  delivering_.reset();
}

std::unique_ptr<DiskQueue> make_disk_queue() {
  auto ring = make_ring_queue();
  return ring ? std::move(ring) : make_thread_queue();
}

}  // namespace aoe::target
