// A FramePort on a real network interface: an AF_PACKET socket bound to EtherType 0x88A2.
//
// Owns the socket, and its receive buffers or ring. Needs CAP_NET_RAW in the network namespace where it is
// opened. Frames are moved in batches (recvmmsg, sendmmsg). The kernel discards these frames before
// they take room in the queue, and no counter includes them: frames that the port sent itself
// (except on lo, which returns them), frames for other stations that a promiscuous interface lets
// through, and frames of VLANs above the interface.
//
// The port stays usable while its interface is down or removed: it then receives nothing, and drops
// and counts all frames to send.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "proto/tag_pattern.h"
#include "wire/frame_port.h"
#include "wire/interfaces.h"

namespace aoe {

class PacketPort final : public FramePort {
 public:
  struct Options {
    /// Also accept frames addressed to other stations, and set the interface promiscuous: for a
    /// bridge.
    bool promiscuous = false;
    /// Socket receive buffer, bytes. It has to hold the requests that the target's Buffer Count
    /// allows. The kernel doubles it, and charges more than a frame's size: about 2.3 KiB for a
    /// frame of two sectors, 13 KiB for one of sixteen. Without CAP_NET_ADMIN, net.core.rmem_max
    /// limits it.
    int receive_buffer = 8 << 20;
    /// Slots, as far as 8 MiB have room for them, of a ring in which frames arrive instead of a queue, where the kernel has that and memory
    /// for it (receive_ring.h); 0: none. Costs that memory always, and saves a system call and a
    /// copy. Not with several lanes, and not for who calls keep_received().
    std::size_t ring_slots = 0;
    /// Number of receive queues, 1 to 16, among which source MAC addresses are spread; each has its
    /// own receive buffer, and they take turns. A flood from one source then fills its own queue,
    /// not those of most other sources. Before Linux 6.13 an interface that is down has one queue
    /// until it comes up.
    int lanes = 1;
    /// Accept only frames whose shelf + slot has the remainder `share` when divided by `shares`,
    /// and frames with a wildcard, so that several ports can divide an interface's work.
    unsigned share = 0;
    unsigned shares = 1;
    /// Unless empty: accept only responses, and of them those to Query Config and those whose tag is of
    /// one of these patterns. An initiator is not to be woken for the answers that others on its
    /// interface wait for. `shares` are of no effect then.
    std::vector<TagPattern> answers{};
    /// The port acts as if the MTU of its interface were this at most, bytes.
    std::uint16_t mtu_max = 65535;
    /// Socket send buffer, bytes: frames that may wait for a slow interface before the port drops
    /// more. Limited by net.core.wmem_max in the same way.
    int send_buffer = 4 << 20;
  };

  /// Opens a port on the interface. The error says what failed and why: "eth9: no such interface",
  /// "eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)".
  static tl::expected<std::unique_ptr<PacketPort>, std::string> open(const std::string& interface,
                                                                     const Options& options);
  static tl::expected<std::unique_ptr<PacketPort>, std::string> open(const std::string& interface);
  ~PacketPort() override;

  std::size_t receive(std::span<Bytes> frames) override;
  std::shared_ptr<const void> keep_received() override;
  void send(std::span<const Outgoing> frames) override;
  /// Makes a system call. False while more than about a hundred small frames, or 64 KiB of large
  /// ones, wait in the queue of the interface.
  bool has_room() const override;
  /// Makes a system call once a frame was dropped for want of room: what waited in the queue of the
  /// interface then was too much, and half of it is not. That is doubled whenever a lot was sent
  /// without a loss.
  std::size_t room_for(std::size_t frame_size) const override;
  int descriptor() const override;
  Link link() const override;
  /// Makes a system call, for the number of frames that the kernel's queue has dropped.
  PortCounters counters() const override;

  const Interface& interface() const;
  /// The receive buffer that the kernel granted, bytes (see Options::receive_buffer).
  int receive_buffer() const;
  /// Whether a frame waits. Makes no system call where there is a ring. Not with several lanes.
  bool has_frame() const;
  /// Bytes of memory of the ring; 0: there is none.
  std::size_t ring_size() const;
  /// Takes over the new MAC, MTU and state of the interface after a change that InterfaceMonitor
  /// reported. Until then, frames longer than the old MTU allows are dropped. If `changed` has a
  /// different index (the interface was removed and made again), the port moves to it. Views that
  /// receive() returned stay valid, except those into a ring.
  void update(const Interface& changed);

 private:
  struct Socket;
  explicit PacketPort(std::unique_ptr<Socket> socket);
  std::unique_ptr<Socket> socket_;
};

}  // namespace aoe
