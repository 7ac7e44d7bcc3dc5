// What a LUN or a client may do in a second at most, and the token bucket that holds it to that.
//
// A RateLimiter is an engine: it gets the time as an argument and holds nothing back itself. Service
// asks it when an operation is due, delays the operation until then as a job (jobs.h), and drops what
// would be delayed for longer than `delay_max`. Used by one worker's thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/instant.h"

namespace aoe::target {

struct RateLimits {
  std::uint64_t iops = 0;              // operations per second; 0: any number
  std::uint64_t bytes_per_second = 0;  // of data; 0: any number
  /// After a pause, as much as the limits allow in this time may be done at once.
  Duration burst = std::chrono::milliseconds(100);

  explicit operator bool() const { return iops > 0 || bytes_per_second > 0; }
  bool operator==(const RateLimits&) const = default;
};

class RateLimiter {
 public:
  /// The longest delay of an operation. A client's retransmission timeout adapts to it: that of a
  /// client that starts is a second or more, and a window of 64 fits the delay from 64 operations
  /// per second on.
  static constexpr Duration delay_max = std::chrono::seconds(1);

  explicit RateLimiter(const RateLimits& limits = {}) : limits_(limits) {}

  const RateLimits& limits() const { return limits_; }
  explicit operator bool() const { return static_cast<bool>(limits_); }
  /// Returns when one more operation may be done: now, or later.
  Instant due(Instant now) const;
  /// Counts an operation with so many bytes of data. An operation that is larger than the burst
  /// delays those after it.
  void take(Instant now, std::uint64_t bytes);
  /// Returns whether nothing is left of what was counted.
  bool is_idle(Instant now) const { return operations_end_ <= now && bytes_end_ <= now; }

 private:
  RateLimits limits_;
  // What was counted takes until then at exactly the limit.
  Instant operations_end_{};
  Instant bytes_end_{};
};

}  // namespace aoe::target
