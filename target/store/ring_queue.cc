#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/intrusive/list.hpp>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/signals_blocked.h"
#include "target/store/background_queue.h"

namespace aoe::target {
namespace {

/// Operations that are handed to the kernel at once: few, so that the disk begins with them while the
/// next are prepared. It works on any number: what does not fit into its completion queue it keeps
/// (Linux 5.5).
constexpr unsigned batch_max = 8;

/// Room for those, and for what reads the eventfd.
constexpr unsigned ring_size = 64;

/// Results that the kernel has room for without asking for memory.
constexpr unsigned results_max = 4096;

/// Threads of the kernel that may wait for the disks of a ring at a time, where it can't do so
/// without.
constexpr unsigned kernel_threads_max = 1024;

/// Disks that have a ring of their own. Others share the first one.
constexpr std::size_t rings_max = 64;

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

/// Makes a ring for the calling thread. Returns false where the kernel has none that will do.
bool make_ring(io_uring& ring) {
  // The thread asks what its disk has done, and is not interrupted to be told (Linux 6.1).
  constexpr unsigned asks_itself = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const auto init = [&ring](unsigned flags) {
    io_uring_params parameters{};
    parameters.flags = flags | IORING_SETUP_CQSIZE;
    parameters.cq_entries = results_max;
    return io_uring_queue_init_params(ring_size, &ring, &parameters) == 0;
  };
  if (!init(asks_itself) && !init(0)) return false;
  if (!has_operations(ring)) {
    io_uring_queue_exit(&ring);
    return false;
  }
  std::array<unsigned, 2> kernel_threads{kernel_threads_max, 0};
  io_uring_register_iowq_max_workers(&ring, kernel_threads.data());  // Linux 5.15; else a few
  return true;
}

/// Has the kernel run the calling thread as soon as it has something to do: it works for some
/// microseconds, and a disk is idle until it has. Works from Linux 6.12 on.
void ask_for_short_slices() {
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 100'000;  // nanoseconds, the least
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  } attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

class RingQueue final : public BackgroundQueue {
 public:
  RingQueue() : BackgroundQueue("io_uring") {}

 private:
  class Ring;

  void hand_over(OperationList& operations) override;
  Ring* ring_of(std::uint64_t disk);

  std::map<std::uint64_t, std::unique_ptr<Ring>> rings_;  // by disk
};

/// A ring and the only thread that uses it. The kernel ends an operation on the thread that began it,
/// and may wait for the disk there to begin one: so it is not the serving thread, which may wait for
/// the page of another disk, and it begins nothing for other disks.
class RingQueue::Ring {
 public:
  explicit Ring(RingQueue& queue);
  /// Has no operation.
  ~Ring();

  bool is_open() const { return is_open_; }
  /// Takes the operations. Called by the serving thread.
  void add(OperationList& operations);

 private:
  /// What is started of one file.
  struct Lane {
    OperationList waiting;
    std::size_t in_flight = 0;
    boost::intrusive::list_member_hook<> link;
  };
  using Lanes = boost::intrusive::list<
      Lane, boost::intrusive::member_hook<Lane, boost::intrusive::list_member_hook<>, &Lane::link>>;

  void work(std::promise<bool> opened);
  /// Takes what was added. Returns false at the end.
  bool take_added();
  void enqueue(Operation& operation);
  void prepare_ready();
  void prepare(io_uring_sqe& entry, Operation& operation);
  void enter();
  void take_completions();
  void complete(Operation& operation, int result);
  void look_at_size(Operation& flush);
  void end(Operation& operation, int result);

  RingQueue& queue_;
  const Descriptor wake_;  // an eventfd, which the ring reads

  std::mutex mutex_;  // of what follows
  OperationList added_;
  bool is_woken_ = false;  // since added_ was taken
  bool is_over_ = false;

  // Of the thread.

  io_uring ring_{};
  eventfd_t wakes_ = 0;
  bool reads_wake_ = false;
  std::map<int, Lane> lanes_;  // by descriptor; none is empty
  Lanes ready_;                // those with an operation that may be handed over, in turn
  std::map<const Operation*, struct statx> sizes_;  // of the files of flushes that are nearly done
  OperationList ended_;

  bool is_open_ = false;
  std::thread thread_;
};

RingQueue::Ring::Ring(RingQueue& queue) : queue_(queue), wake_(::eventfd(0, EFD_CLOEXEC)) {
  if (wake_.get() < 0) return;
  const SignalsBlocked blocked;
  std::promise<bool> opened;
  std::future<bool> answer = opened.get_future();
  try {
    thread_ = std::thread([this, &opened] { work(std::move(opened)); });
  } catch (const std::system_error&) {
    return;
  }
  is_open_ = answer.get();
}

RingQueue::Ring::~Ring() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    is_over_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void RingQueue::Ring::add(OperationList& operations) {
  {
    const std::lock_guard guard(mutex_);
    added_.splice(added_.end(), operations);
    if (std::exchange(is_woken_, true)) return;
  }
  ::eventfd_write(wake_.get(), 1);
}

void RingQueue::Ring::work(std::promise<bool> opened) {
  ask_for_short_slices();
  const bool is_open = make_ring(ring_);
  opened.set_value(is_open);
  if (!is_open) return;
  while (take_added()) {
    prepare_ready();
    enter();
    take_completions();
    queue_.give_back(ended_);
  }
  AOE_CHECK(lanes_.empty());
  io_uring_queue_exit(&ring_);
}

bool RingQueue::Ring::take_added() {
  OperationList taken;
  {
    const std::lock_guard guard(mutex_);
    if (is_over_) return false;
    taken.swap(added_);
    is_woken_ = false;
  }
  while (!taken.empty()) {
    Operation& operation = taken.front();
    taken.pop_front();
    enqueue(operation);
  }
  return true;
}

void RingQueue::Ring::enqueue(Operation& operation) {
  try {
    Lane& lane = lanes_[operation.descriptor];
    lane.waiting.push_back(operation);
    const bool is_first = lane.waiting.size() == 1;
    if (is_first && lane.in_flight < file_operations_max) ready_.push_back(lane);
  } catch (const std::bad_alloc&) {
    end(operation, -EAGAIN);
  }
}

/// Prepares a batch; the rest has its turn after enter().
void RingQueue::Ring::prepare_ready() {
  if (!reads_wake_) {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    reads_wake_ = true;
    io_uring_prep_read(entry, wake_.get(), &wakes_, sizeof wakes_, 0);
    io_uring_sqe_set_data(entry, nullptr);
  }
  while (!ready_.empty() && io_uring_sq_ready(&ring_) < batch_max) {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    Lane& lane = ready_.front();
    ready_.pop_front();
    Operation& operation = lane.waiting.front();
    lane.waiting.pop_front();
    prepare(*entry, operation);
    ++lane.in_flight;
    if (!lane.waiting.empty() && lane.in_flight < file_operations_max) ready_.push_back(lane);
  }
}

void RingQueue::Ring::prepare(io_uring_sqe& entry, Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::read:
      io_uring_prep_read(&entry, operation.descriptor, operation.into.data(),
                         static_cast<unsigned>(operation.into.size()), operation.offset);
      break;
    case Operation::Kind::write:
      io_uring_prep_write(&entry, operation.descriptor, operation.from.data(),
                          static_cast<unsigned>(operation.from.size()), operation.offset);
      break;
    case Operation::Kind::flush:
      if (const auto size = sizes_.find(&operation); size != sizes_.end()) {
        io_uring_prep_statx(&entry, operation.descriptor, "", AT_EMPTY_PATH, STATX_SIZE,
                            &size->second);
      } else {
        io_uring_prep_fsync(&entry, operation.descriptor, IORING_FSYNC_DATASYNC);
      }
      break;
    case Operation::Kind::trim:
      io_uring_prep_fallocate(
          &entry, operation.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
          static_cast<off_t>(operation.offset), static_cast<off_t>(operation.length));
      break;
  }
  // To find out for itself, io_uring would ask such a file system, and wait for the answer.
  if (operation.needs_thread) io_uring_sqe_set_flags(&entry, IOSQE_ASYNC);
  io_uring_sqe_set_data(&entry, &operation);
}

/// Hands over what was prepared, and waits until something is done or added. Where the kernel can't
/// (EAGAIN, EBUSY, ENOMEM), that is tried again in a moment.
void RingQueue::Ring::enter() {
  const bool may_wait = ready_.empty() && ended_.empty();
  const int result = io_uring_submit_and_wait(&ring_, may_wait ? 1 : 0);
  if (result >= 0 || result == -EINTR) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void RingQueue::Ring::take_completions() {
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_, &entry) == 0) {
    auto* const operation = static_cast<Operation*>(io_uring_cqe_get_data(entry));
    const int result = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    if (operation == nullptr) {
      reads_wake_ = false;
    } else {
      complete(*operation, result);
    }
  }
}

void RingQueue::Ring::complete(Operation& operation, int result) {
  const auto lane = lanes_.find(operation.descriptor);
  const bool had_room = lane->second.in_flight-- < file_operations_max;
  if (!lane->second.waiting.empty()) {
    if (!had_room) ready_.push_back(lane->second);
  } else if (lane->second.in_flight == 0) {
    lanes_.erase(lane);
  }
  if (result == -EINTR || result == -EAGAIN) return enqueue(operation);
  if (operation.kind == Operation::Kind::flush && operation.length > 0 && result == 0) {
    const auto size = sizes_.find(&operation);
    if (size == sizes_.end()) return look_at_size(operation);
    if (size->second.stx_size < operation.length) result = -EIO;
  }
  end(operation, result);
}

/// Goes on with a flush whose file is synced.
void RingQueue::Ring::look_at_size(Operation& flush) {
  try {
    sizes_.try_emplace(&flush);
    enqueue(flush);
  } catch (const std::bad_alloc&) {
    end(flush, -EAGAIN);
  }
}

void RingQueue::Ring::end(Operation& operation, int result) {
  sizes_.erase(&operation);  // the next flush of this record begins with the sync again
  operation.returned = result;
  ended_.push_back(operation);
}

/// Returns the ring of a disk, or one of another where there are too many; null where there is none at
/// all. Rings are made when they are first used: not before the process has dropped its privileges,
/// which their threads would keep.
RingQueue::Ring* RingQueue::ring_of(std::uint64_t disk) {
  const auto found = rings_.find(disk);
  if (found != rings_.end()) return found->second.get();
  if (rings_.size() < rings_max) {
    try {
      auto ring = std::make_unique<Ring>(*this);
      if (ring->is_open()) return rings_.emplace(disk, std::move(ring)).first->second.get();
    } catch (const std::bad_alloc&) {
      // It shares another's, this time.
    }
  }
  return rings_.empty() ? nullptr : rings_.begin()->second.get();
}

void RingQueue::hand_over(OperationList& operations) {
  // As a rule all are for one disk, and its thread is woken once.
  while (!operations.empty()) {
    const std::uint64_t disk = operations.front().disk;
    const auto other = std::ranges::find_if_not(
        operations, [disk](const Operation& operation) { return operation.disk == disk; });
    OperationList its_own;
    its_own.splice(its_own.end(), operations, operations.begin(), other);
    if (Ring* const ring = ring_of(disk)) {
      ring->add(its_own);
    } else {
      refuse(its_own);
    }
  }
}

}  // namespace

std::unique_ptr<DiskQueue> make_ring_queue() {
  io_uring ring;
  if (!make_ring(ring)) return nullptr;
  io_uring_queue_exit(&ring);
  return std::make_unique<RingQueue>();
}

}  // namespace aoe::target
