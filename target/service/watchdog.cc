#include "target/service/watchdog.h"

#include <utility>

#include <fmt/format.h>

#include "base/signals_blocked.h"
#include "base/thread_state.h"

namespace aoe::target {
namespace {

constexpr int looks = 4;  // in the limit

}  // namespace

Watchdog::Watchdog(const std::vector<const PollLoop*>& loops, std::chrono::milliseconds limit,
                   Report report)
    : limit_(limit), report_(std::move(report)) {
  for (const PollLoop* const loop : loops) watched_.push_back({loop});
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard guard(guard_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(guard_);
  while (!changed_.wait_for(lock, limit_ / looks, [this] { return is_over_; })) {
    for (Watched& watched : watched_) look(watched);
  }
}

/// A thread that was only without a processor, or that works, is not seen asleep at each look.
void Watchdog::look(Watched& watched) const {
  const auto [turn, thread] = watched.loop->turn();
  const bool is_same = std::exchange(watched.turn, turn) == turn;
  const bool is_waiting = PollLoop::is_working(turn) && is_same && is_blocked(thread);
  watched.blocked_looks = is_waiting ? watched.blocked_looks + 1 : 0;
  if (watched.blocked_looks != looks) return;
  const std::string where = blocked_in(thread);
  report_(fmt::format("a thread that serves waits for something{}",
                      where.empty() ? std::string() : fmt::format(" ({})", where)));
}

}  // namespace aoe::target
