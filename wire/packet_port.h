// A FramePort on a real network interface: an AF_PACKET socket bound to EtherType 0x88A2.
//
// Owns the socket and its receive buffers. Needs CAP_NET_RAW in the network namespace it is opened
// in. Frames go in and out in batches (recvmmsg, sendmmsg). The port never sees what it sent itself
// (but for lo, which gives back what it is sent), nor frames for other stations that a promiscuous
// interface lets through, nor frames of the VLANs above its interface: the kernel discards all
// these before they take room in the queue, and they count nowhere.
//
// It stays usable whatever becomes of the interface: while that is down or gone, nothing arrives
// and what is sent is dropped and counted.
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
    /// Socket receive buffer, bytes. A target must not drop what a client was told it may send. The
    /// kernel doubles it, and charges more than a frame's size: about 2.3 KiB for one with two
    /// sectors, 13 KiB for one with sixteen. Without CAP_NET_ADMIN, net.core.rmem_max limits it.
    int receive_buffer = 8 << 20;
    /// Receive queues among which sources are spread by their MAC address, 1 to 16; each has a
    /// receive buffer of its own, and they take turns. A flood from one source then fills its own
    /// queue, and not those of most others. An interface must be up for that (before Linux 6.13);
    /// until it is, there is one.
    int lanes = 1;
    /// Take only frames whose shelf + slot leaves the remainder `share` when it is divided by
    /// `shares`, and those with a wildcard: so that several ports can divide an interface's work.
    unsigned share = 0;
    unsigned shares = 1;
    /// Socket send buffer, bytes: what may wait for a slow interface before frames are refused.
    /// Limited by net.core.wmem_max in the same way.
    int send_buffer = 4 << 20;
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
  /// Asks the kernel how many frames its queue has dropped: a system call.
  PortCounters counters() const override;

  const Interface& interface() const;
  /// What the kernel granted of Options::receive_buffer, bytes.
  int receive_buffer() const;
  /// The interface changed (as InterfaceMonitor reports): takes over its new MAC, MTU and state.
  /// Until then, frames beyond the old MTU are dropped. Where `changed` has another index (the
  /// interface was removed, and came back), the port moves to it. Views that receive() gave out
  /// stay good.
  void update(const Interface& changed);

 private:
  struct Socket;
  explicit PacketPort(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace aoe
