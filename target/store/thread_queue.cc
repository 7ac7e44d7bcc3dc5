#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/descriptor.h"
#include "target/store/disk_queue.h"

namespace aoe::target {
namespace {

/// Makes the call. Returns the bytes moved, 0 for a flush or trim, or a negative errno.
int perform(const Operation& request) {
  const auto offset = static_cast<off_t>(request.offset);
  const auto call = [&]() -> ssize_t {
    switch (request.kind) {
      case Operation::Kind::read:
        return ::pread(request.descriptor, request.into.data(), request.into.size(), offset);
      case Operation::Kind::write:
        return ::pwrite(request.descriptor, request.from.data(), request.from.size(), offset);
      case Operation::Kind::flush: return ::fdatasync(request.descriptor);
      case Operation::Kind::trim:
        return ::fallocate(request.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                           static_cast<off_t>(request.length));
    }
    AOE_CHECK(false && "a request of no kind");
  };
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : static_cast<int>(result);
}

class ThreadQueue final : public DiskQueue {
 public:
  ThreadQueue();
  ~ThreadQueue() override;

  void start(Operation& request) override { started_.push_back(&request); }
  void submit() override;
  int descriptor() const override { return event_.get(); }
  void reap() override;
  void wait() override;

 private:
  struct Finished {
    Operation* request;
    int result;
  };

  void work();

  Descriptor event_;  // an eventfd that counts what is in finished_
  std::vector<Operation*> started_;
  std::size_t in_flight_ = 0;  // submitted, and done() not called yet
  std::vector<Finished> reaped_;

  std::mutex mutex_;  // of what follows
  std::condition_variable work_to_do_;
  std::deque<Operation*> submitted_;
  std::vector<Finished> finished_;
  bool is_over_ = false;

  std::array<std::thread, 4> threads_;
};

ThreadQueue::ThreadQueue()
    : DiskQueue("threads"), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AOE_CHECK(event_.get() >= 0);
  // Signals are for the thread that makes the queue.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &former);
  for (std::thread& thread : threads_) thread = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

ThreadQueue::~ThreadQueue() {
  AOE_CHECK(started_.empty() && in_flight_ == 0);
  {
    const std::lock_guard guard(mutex_);
    is_over_ = true;
  }
  work_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadQueue::work() {
  std::unique_lock guard(mutex_);
  while (true) {
    work_to_do_.wait(guard, [this] { return is_over_ || !submitted_.empty(); });
    if (is_over_) return;
    Operation* const request = submitted_.front();
    submitted_.pop_front();
    guard.unlock();
    const int result = perform(*request);
    guard.lock();
    finished_.push_back({request, result});
    ::eventfd_write(event_.get(), 1);
  }
}

void ThreadQueue::submit() {
  if (started_.empty()) return;
  {
    const std::lock_guard guard(mutex_);
    submitted_.insert(submitted_.end(), started_.begin(), started_.end());
  }
  if (started_.size() == 1) {
    work_to_do_.notify_one();
  } else {
    work_to_do_.notify_all();
  }
  in_flight_ += started_.size();
  started_.clear();
}

void ThreadQueue::reap() {
  {
    const std::lock_guard guard(mutex_);
    std::swap(reaped_, finished_);
    eventfd_t count = 0;
    ::eventfd_read(event_.get(), &count);
  }
  in_flight_ -= reaped_.size();
  for (const auto& [request, result] : reaped_) finish(*request, result);
  reaped_.clear();
  submit();
}

void ThreadQueue::wait() {
  submit();
  AOE_CHECK(in_flight_ > 0);
  pollfd finished{event_.get(), POLLIN, 0};
  while (::poll(&finished, 1, -1) < 0) AOE_CHECK(errno == EINTR);
  reap();
}

}  // namespace

std::unique_ptr<DiskQueue> make_thread_queue() {
  return std::make_unique<ThreadQueue>();
}

}  // namespace aoe::target
