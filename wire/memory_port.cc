#include "wire/memory_port.h"

#include <algorithm>
#include <iterator>

namespace aoe {

std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>> MemoryPort::pair(Link a,
                                                                                     Link b) {
  std::unique_ptr<MemoryPort> first(new MemoryPort(a));
  std::unique_ptr<MemoryPort> second(new MemoryPort(b));
  first->peer_ = second.get();
  second->peer_ = first.get();
  return {std::move(first), std::move(second)};
}

MemoryPort::~MemoryPort() {
  if (peer_ != nullptr) peer_->peer_ = nullptr;
}

std::size_t MemoryPort::receive(std::span<Bytes> frames) {
  std::ranges::move(handed_out_, std::back_inserter(spare_));
  handed_out_.clear();
  const std::size_t count = std::min(frames.size(), queue_.size());
  for (std::size_t i = 0; i < count; ++i) {
    frames[i] = handed_out_.emplace_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  counters_.received += count;
  return count;
}

std::shared_ptr<const void> MemoryPort::keep_received() {
  auto kept = std::make_shared<decltype(handed_out_)>(std::move(handed_out_));
  handed_out_.clear();
  return kept;
}

void MemoryPort::send(std::span<const Outgoing> frames) {
  for (const Outgoing& frame : frames) {
    if (refuses(frame)) {
      ++counters_.send_dropped;
      continue;
    }
    ++counters_.sent;
    if (peer_ != nullptr) peer_->accept(frame);
  }
}

bool MemoryPort::refuses(const Outgoing& frame) const {
  return !link_.up || frame.size() > link_.frame_size_max();
}

void MemoryPort::accept(const Outgoing& frame) {
  if (refuses(frame)) {
    ++counters_.receive_dropped;
    return;
  }
  Buffer buffer;
  if (!spare_.empty()) {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  buffer.assign(frame.head.begin(), frame.head.end());
  buffer.insert(buffer.end(), frame.data.begin(), frame.data.end());
  queue_.push_back(std::move(buffer));
}

}  // namespace aoe
