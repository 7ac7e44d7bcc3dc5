// An event loop over epoll(7), for threads whose every system call counts: while a descriptor is
// readable its callback is called, and nothing else is asked of the kernel.
//
// Owns the epoll instance. One thread runs it and watches; any thread may post() and stop().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "wire/watcher.h"

namespace aoe {

class PollLoop final : public Watcher {
 public:
  /// What a loop does while nothing is readable. Awake, it calls what was readable last again and
  /// again, for that is likely to be the next, and asks the kernel about all now and then.
  enum class Idle : std::uint8_t {
    sleep,   // at once
    linger,  // awake for another 20 µs: who answers a reply at once is heard at once
    spin,    // awake for ever: no wake-up to wait for, at the price of a processor
  };

  explicit PollLoop(Idle idle = Idle::sleep);
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;
  ~PollLoop();

  void watch(int descriptor, std::function<void()> readable) override;
  void unwatch(int descriptor) override;

  /// Has the loop call `task` once, in the order of posting.
  void post(std::function<void()> task);

  /// Calls callbacks and tasks until stop(). What is readable at the same time takes turns.
  void run();
  void stop();

 private:
  struct Watch;
  void run_tasks();

  const Idle idle_;
  int epoll_;
  int wake_;  // an eventfd: tasks wait
  bool stopped_ = false;
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> ended_;  // until the events that may name them are past
  std::mutex tasks_guard_;
  std::vector<std::function<void()>> tasks_;
};

}  // namespace aoe
