// The cable between an interface of this network namespace and the virtual machine's card. It
// carries AoE frames both ways and loses none: frames that the machine does not take yet wait in
// the interface's socket.
//
// Towards the wire, frames under 60 bytes are padded, as a real card does and a virtual one does
// not.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/descriptor.h"
#include "wire/asio_watcher.h"
#include "wire/packet_port.h"

namespace aoe::guest {

class Cable {
 public:
  /// `card` is QEMU's stream, where each frame follows its length (4 bytes, big-endian).
  /// `look` is called before frames are taken from the wire, and may call hold().
  Cable(boost::asio::io_context& loop, std::unique_ptr<PacketPort> port, Descriptor card,
        std::function<void()> look);

  PacketPort& port() { return *port_; }
  /// Makes frames from the wire wait, until release() was called as often as hold().
  void hold() { ++held_; }
  void release();

 private:
  void from_wire();
  void watch_wire();
  void from_card();
  void pass_to_wire();

  std::unique_ptr<PacketPort> port_;
  AsioWatcher watcher_;
  const std::function<void()> look_;
  int held_ = 0;
  bool watching_ = false;
  boost::asio::local::stream_protocol::socket card_;
  std::vector<std::uint8_t> to_card_;  // while it is written, nothing is received
  std::vector<std::uint8_t> stream_;   // of the card, as far as it was not passed on
  std::array<std::uint8_t, 64 << 10> piece_;
};

}  // namespace aoe::guest
