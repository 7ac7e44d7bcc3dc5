#include "harness/world/heartbeat.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace aoe::harness {
namespace {

constexpr std::chrono::milliseconds beat_interval{5};
constexpr std::chrono::milliseconds slack_least{20};

}  // namespace

Heartbeat::Heartbeat(boost::asio::io_context& loop, std::function<void()> beat)
    : beat_(std::move(beat)), timer_(loop), due_(std::chrono::steady_clock::now() + beat_interval) {
  go_on();
}

Duration Heartbeat::slack() const {
  return slack_least + 2 * lateness_;
}

void Heartbeat::go_on() {
  timer_.expires_at(due_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    lateness_ = std::max<Duration>(lateness_, std::chrono::steady_clock::now() - due_);
    due_ = std::chrono::steady_clock::now() + beat_interval;
    beat_();
    go_on();
  });
}

}  // namespace aoe::harness
