// The memory that requests may take while they wait for a disk or for a limit: one bound for the whole
// process.
//
// Shared by the workers' Jobs, from any thread. A LUN may take more as long as it has no more than is
// left then, so that one whose disk is stuck gets half, two get a third each, and what is left is
// always as much as the greediest LUN has.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/memory_reserve.h"

namespace aoe::target {

class RequestMemory {
 public:
  static constexpr std::size_t default_size = 256 << 20;
  static constexpr std::size_t size_min = 1 << 20;

  /// `size`: bytes. While `reserve` is used, no request may take memory; it outlives this.
  explicit RequestMemory(std::size_t size = default_size, MemoryReserve* reserve = nullptr)
      : size_(size), reserve_(reserve) {}

  /// Returns whether a LUN that has taken `taken` bytes may take more. Workers that ask at the same
  /// time may all be right, and exceed the bound by a request each.
  bool allows(std::size_t bytes, std::size_t taken) const {
    return used() + bytes + taken + bytes <= size_ && (reserve_ == nullptr || reserve_->renew());
  }
  void take(std::size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const std::size_t size_;
  MemoryReserve* const reserve_;
  std::atomic<std::size_t> used_ = 0;
};

}  // namespace aoe::target
