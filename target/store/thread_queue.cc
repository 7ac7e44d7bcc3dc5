#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/descriptor.h"
#include "target/store/disk_queue.h"

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
  void add_thread();
  std::deque<Operation*>::iterator next();

  Descriptor event_;  // an eventfd that counts what is in finished_
  std::vector<Operation*> started_;
  std::size_t in_flight_ = 0;  // submitted, and done() not called yet
  std::deque<Finished> reaped_;

  std::mutex mutex_;  // of what follows
  std::condition_variable work_to_do_;
  std::deque<Operation*> submitted_;
  std::deque<Finished> finished_;
  std::map<int, std::size_t> working_;  // threads that work on each file
  std::size_t idle_ = 0;                // threads
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

ThreadQueue::ThreadQueue()
    : DiskQueue("threads"), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AOE_CHECK(event_.get() >= 0);
  const std::lock_guard guard(mutex_);
  add_thread();
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

void ThreadQueue::add_thread() {
  // Signals are for the thread that makes the queue.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &former);
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The others have more to do; without any thread there is no queue.
    AOE_CHECK(!threads_.empty());
  }
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

/// Returns the first operation on a file that has not all its threads.
std::deque<Operation*>::iterator ThreadQueue::next() {
  return std::ranges::find_if(submitted_, [this](const Operation* request) {
    const auto found = working_.find(request->descriptor);
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
    Operation* const request = *found;
    const int descriptor = request->descriptor;
    submitted_.erase(found);
    ++working_[descriptor];
    if (idle_ == 0 && threads_.size() < threads_max && next() != submitted_.end()) add_thread();
    guard.unlock();
    const int result = perform(*request);
    guard.lock();
    if (--working_[descriptor] == 0) working_.erase(descriptor);
    finished_.push_back({request, result});
    ::eventfd_write(event_.get(), 1);
  }
}

void ThreadQueue::submit() {
  if (started_.empty()) return;
  {
    const std::lock_guard guard(mutex_);
    submitted_.insert(submitted_.end(), started_.begin(), started_.end());
    if (idle_ == 0 && threads_.size() < threads_max) add_thread();
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
    std::ranges::move(finished_, std::back_inserter(reaped_));
    finished_.clear();
    eventfd_t count = 0;
    ::eventfd_read(event_.get(), &count);
  }
  // One by one: a thread that is in the middle of done() may not come back (see Handover).
  while (!reaped_.empty()) {
    const auto [request, result] = reaped_.front();
    reaped_.pop_front();
    --in_flight_;
    finish(*request, result);
  }
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
