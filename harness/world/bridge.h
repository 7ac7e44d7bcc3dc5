// A bridge with a fault stage in the middle, in real time: takes frames through the stage, and holds
// back what that delays until it is due.
//
// Owned by a live world, or by aoe-bridge (bridge_main.cc). Works in an Asio loop, in one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "harness/world/world.h"

namespace aoe::harness {

class Bridge {
 public:
  /// Called with each frame that comes out of the stage, when it is due; from within pass() where
  /// nothing delays it. `stage` outlives the bridge.
  using Send = std::function<void(Delivery&& delivery)>;
  Bridge(boost::asio::io_context& loop, FaultStage& stage, Send send);

  /// Takes a frame through the stage.
  void pass(PortIndex from, Bytes frame, Origin origin);

 private:
  void send_due();
  void set_timer();

  FaultStage& stage_;
  const Send send_;
  boost::asio::steady_timer timer_;
  std::vector<Held> held_;  // a heap, the next one first
  std::uint64_t next_order_ = 0;
  std::vector<Delivery> leaving_;
};

}  // namespace aoe::harness
