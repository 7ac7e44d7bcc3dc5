// PollLoop: an event loop over epoll(7) for threads that must make few system calls: it has no
// timers, and watches descriptors for being readable only.
//
// Owns the epoll instance. One thread at a time calls run(), watch() and unwatch(); any thread may
// call post() and stop(). A thread that a callback never returns to (by an exception) may be
// replaced by another that calls run().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/descriptor.h"
#include "wire/watcher.h"

namespace aoe {

class PollLoop final : public Watcher {
 public:
  /// How the loop waits while nothing is readable. While awake, it calls the last callback again
  /// and again, because that descriptor is likely to be the next, and asks epoll now and then.
  enum class Idle : std::uint8_t {
    sleep,   // sleeps at once
    linger,  // stays awake for 20 µs: the next request often follows a reply that soon
    spin,    // never sleeps: no wake-up latency, but uses a whole processor
  };

  explicit PollLoop(Idle idle = Idle::sleep);
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;
  ~PollLoop();

  void watch(int descriptor, std::function<void()> readable) override;
  void unwatch(int descriptor) override;

  /// Queues `task`: the loop calls it once, in the order of posting.
  void post(std::function<void()> task);

  /// Calls callbacks and tasks until stop(). Descriptors that are readable at the same time take
  /// turns.
  void run();
  void stop();

  /// A turn begins when run() has waited, and ends when it waits again.
  struct Turn {
    std::uint64_t number;
    int thread;  // that runs the loop: gettid(2)
  };
  /// Returns the present turn, or the wait after it. Called from any thread.
  Turn turn() const { return {turn_.load(std::memory_order_relaxed), thread_.load()}; }
  /// Whether this number is of a turn, rather than of a wait.
  static bool is_working(std::uint64_t turn) { return turn % 2 != 0; }

 private:
  struct Watch;
  void run_tasks();

  const Idle idle_;
  const Descriptor epoll_;
  const Descriptor wake_;  // an eventfd: tasks wait
  bool stopped_ = false;
  std::atomic<std::uint64_t> turn_{0};
  std::atomic<int> thread_{0};
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> ended_;  // until the events that may name them are past
  std::mutex tasks_guard_;
  std::deque<std::function<void()>> tasks_;
};

}  // namespace aoe
