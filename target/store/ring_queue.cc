#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>

#include "base/check.h"
#include "target/store/disk_queue.h"

namespace aoe::target {
namespace {

/// Operations that are handed to the kernel at once. It works on any number of them: what does not
/// fit into its completion queue it keeps (Linux 5.5).
constexpr unsigned batch_max = 256;

/// Threads of the kernel that may wait for disks at a time, where it can't do so without.
constexpr unsigned kernel_threads_max = 1024;

class RingQueue final : public DiskQueue {
 public:
  /// Takes over the ring.
  explicit RingQueue(const io_uring& ring) : DiskQueue("io_uring"), ring_(ring) {}
  ~RingQueue() override {
    AOE_CHECK(in_flight_ == 0 && lanes_.empty());
    io_uring_queue_exit(&ring_);
  }

  void start(Operation& request) override;
  void submit() override;
  int descriptor() const override { return ring_.ring_fd; }
  void reap() override {
    take_completions();
    submit();
  }
  void wait() override;

 private:
  /// What is started of one file.
  struct Lane {
    std::deque<Operation*> waiting;
    std::size_t in_flight = 0;
  };

  /// Returns whether there was room in the submission queue.
  bool prepare(Operation& request);
  void enter();
  /// Takes an operation from the kernel. Returns whether that ended it.
  bool complete(Operation& request, int result);
  /// Returns whether any operation has ended.
  bool take_completions();

  io_uring ring_;
  std::map<int, Lane> lanes_;  // by descriptor; none is empty
  std::deque<int> ready_;      // lanes with an operation that may be handed over, in turn
  std::map<const Operation*, struct statx> sizes_;  // of the files of flushes that are nearly done
  unsigned in_flight_ = 0;                          // in the submission queue or with the kernel
};

void RingQueue::start(Operation& request) {
  Lane& lane = lanes_[request.descriptor];
  lane.waiting.push_back(&request);
  if (lane.waiting.size() == 1 && lane.in_flight < file_operations_max) {
    ready_.push_back(request.descriptor);
  }
}

bool RingQueue::prepare(Operation& request) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) return false;
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
      if (const auto size = sizes_.find(&request); size != sizes_.end()) {
        io_uring_prep_statx(entry, request.descriptor, "", AT_EMPTY_PATH, STATX_SIZE,
                            &size->second);
      } else {
        io_uring_prep_fsync(entry, request.descriptor, IORING_FSYNC_DATASYNC);
      }
      break;
    case Operation::Kind::trim:
      io_uring_prep_fallocate(entry, request.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(request.offset),
                              static_cast<off_t>(request.length));
      break;
  }
  // To find out for itself, io_uring would ask such a file system, and wait for the answer.
  if (request.needs_thread) io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  io_uring_sqe_set_data(entry, &request);
  ++in_flight_;
  return true;
}

void RingQueue::submit() {
  while (!ready_.empty()) {
    const int file = ready_.front();
    Lane& lane = lanes_.at(file);
    if (!prepare(*lane.waiting.front())) {
      enter();
      if (io_uring_sq_space_left(&ring_) == 0) return;
      continue;
    }
    ready_.pop_front();
    lane.waiting.pop_front();
    ++lane.in_flight;
    if (!lane.waiting.empty() && lane.in_flight < file_operations_max) ready_.push_back(file);
  }
  enter();
}

/// Hands over what was prepared. Where the kernel is short of memory, that is tried again with the
/// next operation or completion; a client repeats a request that takes too long.
void RingQueue::enter() {
  while (io_uring_sq_ready(&ring_) > 0) {
    const int result = io_uring_submit(&ring_);
    if (result >= 0 || result == -EINTR) continue;
    AOE_CHECK(result == -EAGAIN || result == -EBUSY || result == -ENOMEM);
    return;
  }
}

bool RingQueue::complete(Operation& request, int result) {
  --in_flight_;
  const auto lane = lanes_.find(request.descriptor);
  const bool had_room = lane->second.in_flight-- < file_operations_max;
  if (!lane->second.waiting.empty()) {
    if (!had_room) ready_.push_back(request.descriptor);
  } else if (lane->second.in_flight == 0) {
    lanes_.erase(lane);
  }
  if (result == -EINTR || result == -EAGAIN) {
    start(request);
    return false;
  }
  if (request.kind == Operation::Kind::flush && request.length > 0 && result == 0) {
    auto [size, is_synced] = sizes_.try_emplace(&request);
    if (is_synced) {
      start(request);
      return false;
    }
    if (size->second.stx_size < request.length) result = -EIO;
  }
  sizes_.erase(&request);
  finish(request, result);
  return true;
}

bool RingQueue::take_completions() {
  bool any = false;
  // One by one: a thread that is in the middle of done() may not come back (see Handover).
  for (io_uring_cqe* entry = nullptr; io_uring_peek_cqe(&ring_, &entry) == 0;) {
    auto& request = *static_cast<Operation*>(io_uring_cqe_get_data(entry));
    const int result = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    if (complete(request, result)) any = true;
  }
  return any;
}

void RingQueue::wait() {
  submit();
  AOE_CHECK(in_flight_ > 0);
  while (!take_completions()) {
    submit();
    io_uring_cqe* entry = nullptr;
    __kernel_timespec moment{.tv_sec = 0, .tv_nsec = 10'000'000};
    const bool kernel_has_some = in_flight_ > io_uring_sq_ready(&ring_);
    const int result =
        io_uring_wait_cqe_timeout(&ring_, &entry, kernel_has_some ? nullptr : &moment);
    AOE_CHECK(result == 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY ||
              result == -ETIME || result == -ENOMEM);
  }
  submit();
}

/// Returns whether the kernel has all the operations that are used here (Linux 5.6).
bool has_operations(io_uring& ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  const bool has_all =
      std::ranges::all_of(std::array{IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
                                     IORING_OP_FALLOCATE, IORING_OP_STATX},
                          [&](int code) { return io_uring_opcode_supported(probe, code) != 0; });
  io_uring_free_probe(probe);
  return has_all;
}

}  // namespace

std::unique_ptr<DiskQueue> make_ring_queue() {
  io_uring ring;
  if (io_uring_queue_init(batch_max, &ring, 0) != 0) return nullptr;
  if (!has_operations(ring)) {
    io_uring_queue_exit(&ring);
    return nullptr;
  }
  std::array<unsigned, 2> kernel_threads{kernel_threads_max, 0};
  io_uring_register_iowq_max_workers(&ring, kernel_threads.data());  // Linux 5.15; else a few
  return std::make_unique<RingQueue>(ring);
}

}  // namespace aoe::target
