#include "harness/world/bridge.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "initiator/client/live_session.h"

namespace aoe::harness {

using initiator::monotonic_now;

Bridge::Bridge(boost::asio::io_context& loop, FaultStage& stage, Send send)
    : stage_(stage), send_(std::move(send)), timer_(loop) {}

void Bridge::pass(PortIndex from, Bytes frame, Origin origin) {
  leaving_.clear();
  stage_.enter(from, frame, monotonic_now(), leaving_, origin);
  for (Delivery& delivery : leaving_) {
    if (delivery.delay == Duration{}) {
      send_(std::move(delivery));
      continue;
    }
    held_.push_back({monotonic_now() + delivery.delay, next_order_++, std::move(delivery)});
    std::ranges::push_heap(held_, std::greater<>());
    set_timer();
  }
}

void Bridge::send_due() {
  while (!held_.empty() && held_.front().due <= monotonic_now()) {
    std::ranges::pop_heap(held_, std::greater<>());
    send_(std::move(held_.back().delivery));
    held_.pop_back();
  }
  set_timer();
}

void Bridge::set_timer() {
  if (held_.empty()) return;
  timer_.expires_at(std::chrono::steady_clock::time_point(held_.front().due.time_since_epoch()));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_due();
  });
}

}  // namespace aoe::harness
