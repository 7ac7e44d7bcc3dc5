#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include "base/check.h"
#include "target/store/disk_queue.h"

namespace aoe::target {
namespace {

/// Operations that the kernel works on at a time; more of them wait here. The completion queue is
/// twice as long, so it never overflows.
constexpr unsigned in_flight_max = 256;

class RingQueue final : public DiskQueue {
 public:
  /// Takes over the ring.
  explicit RingQueue(const io_uring& ring) : DiskQueue("io_uring"), ring_(ring) {}
  ~RingQueue() override {
    AOE_CHECK(in_flight_ == 0 && waiting_.empty());
    io_uring_queue_exit(&ring_);
  }

  void start(Operation& request) override { waiting_.push_back(&request); }
  void submit() override;
  int descriptor() const override { return ring_.ring_fd; }
  void reap() override {
    take_completions();
    submit();
  }
  void wait() override;

 private:
  void prepare(Operation& request);
  /// Returns whether the kernel has completed anything.
  bool take_completions();

  io_uring ring_;
  std::deque<Operation*> waiting_;  // not yet in the submission queue
  unsigned in_flight_ = 0;          // in the submission queue or with the kernel
};

void RingQueue::prepare(Operation& request) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  AOE_CHECK(entry != nullptr);  // there are as many as operations in flight
  switch (request.kind) {
    case Operation::Kind::read:
      io_uring_prep_read(entry, request.descriptor, request.into.data(),
                         static_cast<unsigned>(request.into.size()), request.offset);
      break;
    case Operation::Kind::write:
      io_uring_prep_write(entry, request.descriptor, request.from.data(),
                          static_cast<unsigned>(request.from.size()), request.offset);
      break;
    case Operation::Kind::flush:
      io_uring_prep_fsync(entry, request.descriptor, IORING_FSYNC_DATASYNC);
      break;
    case Operation::Kind::trim:
      io_uring_prep_fallocate(entry, request.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(request.offset),
                              static_cast<off_t>(request.length));
      break;
  }
  io_uring_sqe_set_data(entry, &request);
  ++in_flight_;
}

void RingQueue::submit() {
  while (!waiting_.empty() && in_flight_ < in_flight_max) {
    prepare(*waiting_.front());
    waiting_.pop_front();
  }
  while (const unsigned ready = io_uring_sq_ready(&ring_)) {
    const int result = io_uring_submit(&ring_);
    if (result >= 0 || result == -EINTR) continue;
    AOE_CHECK(result == -EAGAIN || result == -EBUSY);
    // The kernel is short of memory. This is tried again after the next completion, if any is due.
    if (in_flight_ > ready) break;
  }
}

bool RingQueue::take_completions() {
  bool any = false;
  std::array<io_uring_cqe*, 64> entries;
  while (const unsigned count = io_uring_peek_batch_cqe(&ring_, entries.data(), entries.size())) {
    for (io_uring_cqe* const entry : std::span(entries).first(count)) {
      auto& request = *static_cast<Operation*>(io_uring_cqe_get_data(entry));
      const int result = entry->res;
      io_uring_cqe_seen(&ring_, entry);
      --in_flight_;
      if (result == -EINTR || result == -EAGAIN) {
        start(request);
      } else {
        any = true;
        finish(request, result);
      }
    }
  }
  return any;
}

void RingQueue::wait() {
  submit();
  AOE_CHECK(in_flight_ > 0);
  while (!take_completions()) {
    submit();
    io_uring_cqe* entry = nullptr;
    const int result = io_uring_wait_cqe(&ring_, &entry);
    AOE_CHECK(result == 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY);
  }
  submit();
}

/// Returns whether the kernel has all the operations that are used here (Linux 5.6).
bool has_operations(io_uring& ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  const bool has_all = std::ranges::all_of(
      std::array{IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FALLOCATE},
      [&](int code) { return io_uring_opcode_supported(probe, code) != 0; });
  io_uring_free_probe(probe);
  return has_all;
}

}  // namespace

std::unique_ptr<DiskQueue> make_ring_queue() {
  io_uring ring;
  if (io_uring_queue_init(in_flight_max, &ring, 0) != 0) return nullptr;
  if (!has_operations(ring)) {
    io_uring_queue_exit(&ring);
    return nullptr;
  }
  return std::make_unique<RingQueue>(ring);
}

}  // namespace aoe::target
