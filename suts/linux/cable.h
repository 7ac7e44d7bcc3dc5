// The cable between an interface of this network namespace and the virtual machine's card: carries
// AoE frames both ways, and loses none. What the machine does not take waits in the interface's
// socket.
//
// Towards the wire, frames under 60 bytes are filled up, which is what a card does and a virtual
// one does not.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "wire/asio_watcher.h"
#include "wire/descriptor.h"
#include "wire/packet_port.h"

namespace aoe::guest {

class Cable {
 public:
  /// `card` is a stream: QEMU's, where each frame has its length before it (4 bytes, big-endian).
  Cable(boost::asio::io_context& loop, std::unique_ptr<PacketPort> port, Descriptor card);

  PacketPort& port() { return *port_; }

 private:
  void from_wire();
  void from_card();
  void pass_to_wire();

  std::unique_ptr<PacketPort> port_;
  AsioWatcher watcher_;
  boost::asio::local::stream_protocol::socket card_;
  std::vector<std::uint8_t> to_card_;  // while it is written, nothing is received
  std::vector<std::uint8_t> stream_;   // of the card, as far as it was not passed on
  std::array<std::uint8_t, 64 << 10> piece_;
};

}  // namespace aoe::guest
