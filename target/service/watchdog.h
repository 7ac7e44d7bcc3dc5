// Tells when a thread that serves waits for something other than its next event: nothing may make it
// (store/handover.h). For tests and debug builds.
//
// Owns a thread, which looks a few times in `limit`. Refers to the loops, which outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wire/poll_loop.h"

namespace aoe::target {

class Watchdog {
 public:
  /// Called on the watchdog's thread, once for each wait, while that goes on: "the thread that serves
  /// waits for something (io_schedule)".
  using Report = std::function<void(const std::string&)>;

  /// A wait is told if it takes more than `limit`.
  Watchdog(const std::vector<const PollLoop*>& loops, std::chrono::milliseconds limit,
           Report report);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  struct Watched {
    const PollLoop* loop;
    std::uint64_t turn = 0;  // at the last look
    int blocked_looks = 0;   // in this turn, in a row
  };

  void run();
  void look(Watched& watched) const;

  std::vector<Watched> watched_;
  const std::chrono::milliseconds limit_;
  const Report report_;
  std::mutex guard_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace aoe::target
