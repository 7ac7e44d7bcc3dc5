// The seam between the engines and the world: a port that frames come from and go to.
//
// One port is one network interface (or what stands for it). Its owner is an event loop: it waits
// for descriptor() to become readable, calls receive() until nothing is left, hands the frames to
// an engine, and sends what the engine answers. Not thread-safe; one loop owns a port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "proto/address.h"
#include "proto/codes.h"

namespace aoe {

/// A frame to send. `data` follows `head` on the wire, so sector data need not be copied next to
/// it; together they are a whole frame of at least 60 bytes. Both must live until send() returns.
struct Outgoing {
  Bytes head;
  Bytes data;
  /// Not null: `data` lies in a mapping of a file, which may have lost what it maps. A port that
  /// finds that it can't be read sets this, and neither sends nor counts the frame.
  bool* unreadable = nullptr;

  std::size_t size() const { return head.size() + data.size(); }
};

/// What a port knows of its interface at this moment.
struct Link {
  Mac mac{};
  std::uint16_t mtu = 1500;  // bytes, without the Ethernet header; 65535 at most
  bool up = true;

  /// The longest frame that the link carries: bytes, the Ethernet header included.
  std::size_t frame_size_max() const { return ethernet_header_size + mtu; }

  bool operator==(const Link&) const = default;
};

/// What a port has done since it was opened.
struct PortCounters {
  std::uint64_t received = 0;  // frames handed out by receive()
  std::uint64_t sent = 0;      // frames that the interface took
  std::uint64_t receive_dropped =
      0;  // frames lost before receive(): a full queue, or one longer than the MTU allows
  std::uint64_t send_dropped =
      0;  // frames that the interface refused: no room, down, longer than the MTU

  bool operator==(const PortCounters&) const = default;
};

class FramePort {
 public:
  FramePort() = default;
  FramePort(const FramePort&) = delete;
  FramePort& operator=(const FramePort&) = delete;
  virtual ~FramePort() = default;

  /// Fills `frames` from the front with what has arrived, whole frames from the Ethernet header on,
  /// and returns how many; 0 when nothing waits. Never blocks. The views are good until the next
  /// receive().
  virtual std::size_t receive(std::span<Bytes> frames) = 0;

  /// Sends in order. A frame that the interface refuses is dropped and counted, as a wire would
  /// drop it: AoE retransmits. Never blocks, never fails.
  virtual void send(std::span<const Outgoing> frames) = 0;

  /// Readable when frames wait; -1 for a port that is not backed by a descriptor.
  virtual int descriptor() const = 0;

  virtual Link link() const = 0;
  virtual PortCounters counters() const = 0;
};

/// The most frames that are worth moving in one call of receive() or send().
inline constexpr std::size_t batch_size = 64;

}  // namespace aoe
