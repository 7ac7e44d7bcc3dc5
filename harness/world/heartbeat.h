// A timer that notices how late it is: in real time, as late as anything else in this process may be.
//
// Owned by a world in real time. Works in its Asio loop.
#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/instant.h"

namespace aoe::harness {

class Heartbeat {
 public:
  /// Calls `beat` every 5 ms, or as soon after that as it can.
  Heartbeat(boost::asio::io_context& loop, std::function<void()> beat);

  /// Returns how late this process may have noticed what happened.
  Duration slack() const;

 private:
  void go_on();

  const std::function<void()> beat_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point due_;
  Duration lateness_{};  // the worst so far
};

}  // namespace aoe::harness
