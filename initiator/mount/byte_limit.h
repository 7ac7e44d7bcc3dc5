// How many bytes of one kind are under way at a time: what is beyond waits for its turn, in the
// order in which it came.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

namespace aoe::initiator {

class ByteLimit {
 public:
  explicit ByteLimit(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Calls `start` now, or from within a later leave(). One alone may be larger than the limit.
  template <class Start>
  void enter(std::uint64_t bytes, Start start) {
    if (waiting_.empty() && fits(bytes)) {
      bytes_ += bytes;
      start();
    } else {
      waiting_.push_back({bytes, std::move(start)});
    }
  }

  /// Returns whether so many may be under way now, and then they are.
  bool try_enter(std::uint64_t bytes) {
    if (!waiting_.empty() || !fits(bytes)) return false;
    bytes_ += bytes;
    return true;
  }

  /// `bytes` of what was started are done.
  void leave(std::uint64_t bytes) {
    bytes_ -= bytes;
    while (!waiting_.empty() && fits(waiting_.front().bytes)) {
      const Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ += next.bytes;
      next.start();
    }
  }

 private:
  struct Waiting {
    std::uint64_t bytes;
    std::function<void()> start;
  };

  bool fits(std::uint64_t bytes) const { return bytes_ == 0 || bytes_ + bytes <= bytes_max_; }

  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace aoe::initiator
