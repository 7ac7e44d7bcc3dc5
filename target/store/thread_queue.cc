#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/signals_blocked.h"
#include "target/store/background_queue.h"

namespace aoe::target {
namespace {

/// Returns 0, or -1 with errno set.
int flush(const Operation& request) {
  if (::fdatasync(request.descriptor) != 0) return -1;
  if (request.length == 0) return 0;
  struct stat status;
  if (::fstat(request.descriptor, &status) != 0) return -1;
  if (std::cmp_greater_equal(status.st_size, request.length)) return 0;
  errno = EIO;
  return -1;
}

/// Makes the call. Returns the bytes moved, 0 for a flush or trim, or a negative errno.
int perform(const Operation& request) {
  const auto offset = static_cast<off_t>(request.offset);
  const auto call = [&]() -> ssize_t {
    switch (request.kind) {
      case Operation::Kind::read:
        return ::pread(request.descriptor, request.into.data(), request.into.size(), offset);
      case Operation::Kind::write:
        return ::pwrite(request.descriptor, request.from.data(), request.from.size(), offset);
      case Operation::Kind::flush: return flush(request);
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

/// Threads that work on one file at a time, and on all: each that waits for a disk is one that others
/// lack, so there are more as long as all of them wait.
constexpr std::size_t file_threads_max = 4;
constexpr std::size_t threads_max = 64;

class ThreadQueue final : public BackgroundQueue {
 public:
  ThreadQueue() : BackgroundQueue("threads") {}
  ~ThreadQueue() override;

 private:
  void hand_over(OperationList& operations) override;
  void work();
  void add_thread();
  OperationList::iterator next();

  std::mutex mutex_;  // of what follows
  std::condition_variable work_to_do_;
  OperationList submitted_;
  std::map<int, std::size_t> working_;  // threads that work on each file
  std::size_t idle_ = 0;                // threads
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

ThreadQueue::~ThreadQueue() {
  {
    const std::lock_guard guard(mutex_);
    is_over_ = true;
  }
  work_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadQueue::add_thread() {
  const SignalsBlocked blocked;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::exception&) {
    // The others have more to do.
  }
}

/// Returns the first operation on a file that has not all its threads.
OperationList::iterator ThreadQueue::next() {
  return std::ranges::find_if(submitted_, [this](const Operation& request) {
    const auto found = working_.find(request.descriptor);
    return found == working_.end() || found->second < file_threads_max;
  });
}

void ThreadQueue::work() {
  std::unique_lock guard(mutex_);
  while (true) {
    auto found = submitted_.end();
    ++idle_;
    work_to_do_.wait(guard, [&] {
      found = next();
      return is_over_ || found != submitted_.end();
    });
    --idle_;
    if (is_over_) return;
    Operation& request = *found;
    submitted_.erase(found);
    OperationList ended;
    ended.push_back(request);
    try {
      std::size_t& working = working_[request.descriptor];
      ++working;
      if (idle_ == 0 && threads_.size() < threads_max && next() != submitted_.end()) add_thread();
      guard.unlock();
      request.returned = perform(request);
      guard.lock();
      if (--working == 0) working_.erase(request.descriptor);
    } catch (const std::bad_alloc&) {
      request.returned = -EAGAIN;
    }
    give_back(ended);
  }
}

void ThreadQueue::hand_over(OperationList& operations) {
  const bool is_one = operations.size() == 1;
  {
    const std::lock_guard guard(mutex_);
    if (idle_ == 0 && threads_.size() < threads_max) add_thread();
    if (threads_.empty()) return refuse(operations);
    submitted_.splice(submitted_.end(), operations);
  }
  if (is_one) {
    work_to_do_.notify_one();
  } else {
    work_to_do_.notify_all();
  }
}

}  // namespace

std::unique_ptr<DiskQueue> make_thread_queue() {
  return std::make_unique<ThreadQueue>();
}

}  // namespace aoe::target
