// A FramePort on a real network interface: an AF_PACKET socket bound to EtherType 0x88A2.
//
// Owns the socket and its receive buffers. Needs CAP_NET_RAW in the network namespace it is opened
// in. Frames go in and out in batches (recvmmsg, sendmmsg); the port never sees what it sent
// itself, nor frames for other stations that a promiscuous interface lets through.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "wire/frame_port.h"
#include "wire/interfaces.h"

namespace aoe {

class PacketPort final : public FramePort {
 public:
  struct Options {
    /// Also accept frames addressed to other stations, and set the interface promiscuous: for a
    /// bridge.
    bool promiscuous = false;
    /// Socket receive buffer, bytes. A target must not drop what a client was told it may send.
    int receive_buffer = 8 << 20;
  };

  /// Opens the interface named. The error says what failed and why: "eth9: no such interface",
  /// "eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)".
  static tl::expected<std::unique_ptr<PacketPort>, std::string> open(const std::string& interface,
                                                                     const Options& options);
  static tl::expected<std::unique_ptr<PacketPort>, std::string> open(const std::string& interface);
  ~PacketPort() override;

  std::size_t receive(std::span<Bytes> frames) override;
  void send(std::span<const Outgoing> frames) override;
  int descriptor() const override;
  Link link() const override;
  PortCounters counters() const override;

  const Interface& interface() const;
  /// The interface changed (as InterfaceMonitor reports): takes over its new MAC, MTU and state.
  void update(const Interface& changed);

 private:
  struct Socket;
  explicit PacketPort(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace aoe
