// Two FramePorts joined back to back, for tests and programs that need no network.
//
// What one end sends the other receives, in order and at once, whatever its destination address. A
// frame that is longer than an end's MTU allows, or that meets an end that is down, is dropped and
// counted at that end: send_dropped at the sender's, receive_dropped at the receiver's. Frames sent
// to an end that was destroyed are lost on the wire, and count as sent. Buffers are reused: in
// steady state no frame allocates one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "wire/frame_port.h"

namespace aoe {

class MemoryPort final : public FramePort {
 public:
  /// Both ends; either may outlive the other.
  static std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>> pair(Link a, Link b);
  ~MemoryPort() override;

  std::size_t receive(std::span<Bytes> frames) override;
  void send(std::span<const Outgoing> frames) override;
  int descriptor() const override { return -1; }
  Link link() const override { return link_; }
  PortCounters counters() const override { return counters_; }

  void set_link(const Link& link) { link_ = link; }

 private:
  using Buffer = std::vector<std::uint8_t>;

  explicit MemoryPort(Link link) : link_(link) {}
  bool refuses(const Outgoing& frame) const;
  void accept(const Outgoing& frame);

  Link link_;
  PortCounters counters_;
  MemoryPort* peer_ = nullptr;  // null once the other end is gone
  std::deque<Buffer> queue_;
  std::vector<Buffer> handed_out_;
  std::vector<Buffer> spare_;
};

}  // namespace aoe
