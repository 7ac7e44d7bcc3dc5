// FramePort: the seam between the engines and the network, a port that receives and sends frames.
//
// One port is one network interface, or a memory or file in its place. An event loop owns the port:
// it waits for descriptor() to become readable, calls receive() until nothing is left, hands the
// frames to an engine, and sends the frames that the engine returns. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "proto/address.h"
#include "proto/codes.h"

namespace aoe {

/// A frame to send. `data` follows `head` on the wire, so sector data is not copied next to the
/// header; together they are a whole frame of at least 60 bytes. Both must live until send()
/// returns.
struct Outgoing {
  Bytes head;
  Bytes data;
  /// Not null when `data` lies in a mapping of a file: a page of it may be unreadable (disk error,
  /// truncated file). The port then sets *unreadable, and neither sends nor counts the frame.
  bool* unreadable = nullptr;

  std::size_t size() const { return head.size() + data.size(); }
};

/// The present state of a port's interface.
struct Link {
  Mac mac{};
  std::uint16_t mtu = 1500;  // bytes, without the Ethernet header; 65535 at most
  bool up = true;

  /// The longest frame that the link carries: bytes, the Ethernet header included.
  std::size_t frame_size_max() const { return ethernet_header_size + mtu; }

  bool operator==(const Link&) const = default;
};

/// Frames that a port has moved or dropped since it was opened.
struct PortCounters {
  /// Frames that receive() returned.
  std::uint64_t received = 0;
  /// Frames that the interface accepted.
  std::uint64_t sent = 0;
  /// Frames lost before receive(): the queue was full, or the frame was longer than the MTU allows.
  std::uint64_t receive_dropped = 0;
  /// Frames that the interface refused: no room, link down, longer than the MTU allows.
  std::uint64_t send_dropped = 0;

  bool operator==(const PortCounters&) const = default;
};

class FramePort {
 public:
  FramePort() = default;
  FramePort(const FramePort&) = delete;
  FramePort& operator=(const FramePort&) = delete;
  virtual ~FramePort() = default;

  /// Fills `frames` from the front with frames that have arrived, each from its Ethernet header on,
  /// and returns their number; 0 when none waits. Never blocks. The views are valid until the next
  /// receive().
  virtual std::size_t receive(std::span<Bytes> frames) = 0;

  /// Returns the memory of the frames that receive() returned last, which thus stays as it is for as
  /// long as someone has it: the next receive() takes other memory. Null where it stays anyway.
  virtual std::shared_ptr<const void> keep_received() { return nullptr; }

  /// Sends in order. Drops and counts a frame that the interface refuses; AoE retransmits it.
  /// Never blocks, never fails.
  virtual void send(std::span<const Outgoing> frames) = 0;

  /// Returns whether frames that are sent now leave soon. For frames that can wait for it, because
  /// there are many: send() drops what the interface has no room for.
  virtual bool has_room() const { return true; }

  /// Returns how many frames of this size send() would not drop now, as far as the port knows: any
  /// number, unless it has dropped some for want of room. For replies: their requests can wait.
  virtual std::size_t room_for(std::size_t /*frame_size*/) const {
    return std::numeric_limits<std::size_t>::max();
  }

  /// Readable when frames wait; -1 for a port that is not backed by a descriptor.
  virtual int descriptor() const = 0;

  virtual Link link() const = 0;
  virtual PortCounters counters() const = 0;
};

/// The largest number of frames that one call of receive() or send() should move.
inline constexpr std::size_t batch_size = 64;

}  // namespace aoe
