#include "wire/poll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace aoe {
namespace {

constexpr std::chrono::microseconds linger_time{20};

/// How often an awake loop tries its luck before it asks about all.
constexpr int tries_awake = 8;

}  // namespace

struct PollLoop::Watch {
  int descriptor;
  std::function<void()> readable;
  bool ended = false;
};

PollLoop::PollLoop(Idle idle)
    : idle_(idle),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AOE_CHECK(epoll_.get() >= 0 && wake_.get() >= 0);
  watch(wake_.get(), [this] { run_tasks(); });
}

PollLoop::~PollLoop() = default;

void PollLoop::watch(int descriptor, std::function<void()> readable) {
  auto watch = std::make_unique<Watch>(Watch{descriptor, std::move(readable)});
  epoll_event event{.events = EPOLLIN, .data = {.ptr = watch.get()}};
  AOE_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
  AOE_CHECK(watches_.emplace(descriptor, std::move(watch)).second);
}

void PollLoop::unwatch(int descriptor) {
  const auto found = watches_.find(descriptor);
  AOE_CHECK(found != watches_.end());
  AOE_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr) == 0);
  found->second->ended = true;
  ended_.push_back(std::move(found->second));
  watches_.erase(found);
}

void PollLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(tasks_guard_);
    tasks_.push_back(std::move(task));
  }
  eventfd_write(wake_.get(), 1);
}

void PollLoop::stop() {
  post([this] { stopped_ = true; });
}

void PollLoop::run() {
  using Clock = std::chrono::steady_clock;
  bool is_awake = idle_ == Idle::spin;
  Clock::time_point awake_until;
  Watch* last = nullptr;
  std::array<epoll_event, 64> events;
  eventfd_write(wake_.get(), 1);  // a thread that was replaced may have left tasks
  thread_ = ::gettid();
  std::uint64_t turn = turn_.load(std::memory_order_relaxed) | 1;
  while (!stopped_) {
    turn_.store(++turn, std::memory_order_relaxed);
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), is_awake ? 0 : -1);
    turn_.store(++turn, std::memory_order_relaxed);
    if (idle_ == Idle::linger) {
      const auto now = Clock::now();
      if (count > 0) awake_until = now + linger_time;
      is_awake = now < awake_until;
    }
    for (int i = 0; i < count && !stopped_; ++i) {
      last = static_cast<Watch*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!last->ended) last->readable();
    }
    const bool nothing_waits = count <= 0 && last != nullptr;
    for (int i = 0; nothing_waits && i < tries_awake && !last->ended && !stopped_; ++i) {
      last->readable();
    }
    if (last != nullptr && last->ended) last = nullptr;
    ended_.clear();
  }
  turn_.store(++turn, std::memory_order_relaxed);
  stopped_ = false;
}

void PollLoop::run_tasks() {
  eventfd_t ignored = 0;
  eventfd_read(wake_.get(), &ignored);
  std::unique_lock lock(tasks_guard_);
  // Tasks that are posted meanwhile have their turn after the descriptors. One by one, because a task
  // may not come back.
  for (std::size_t left = tasks_.size(); left > 0; --left) {
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace aoe
