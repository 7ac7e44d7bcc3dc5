// MemoryPort: two FramePorts joined back to back, for tests and programs that need no network.
//
// Each end receives all frames that the other sends, in order and at once, for any destination
// address. An end drops and counts a frame that is longer than its MTU allows, and any frame while
// it is down: the sending end as send_dropped, the receiving end as receive_dropped. Frames sent to
// an end that was destroyed are lost, and count as sent. Buffers are reused: in steady state no
// frame allocates memory.
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
  /// Returns both ends; either may outlive the other.
  static std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>> pair(Link a, Link b);
  ~MemoryPort() override;

  std::size_t receive(std::span<Bytes> frames) override;
  std::shared_ptr<const void> keep_received() override;
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
