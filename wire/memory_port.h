// Two FramePorts joined back to back, for tests and programs that need no network.
//
// What one end sends the other receives, in order and at once. A frame that is longer than the
// receiver's MTU allows, or sent while either end is down, is dropped and counted, as a wire would.
#pragma once

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
  explicit MemoryPort(Link link) : link_(link) {}
  void accept(const Outgoing& frame);

  Link link_;
  PortCounters counters_;
  MemoryPort* peer_ = nullptr;
  std::deque<std::vector<std::uint8_t>> queue_;
  std::vector<std::vector<std::uint8_t>> handed_out_;
};

}  // namespace aoe
