#include "target/service/rate_limit.h"

#include <algorithm>

namespace aoe::target {
namespace {

/// Returns how long `count` things take at so many per second.
Duration time_of(std::uint64_t count, std::uint64_t per_second) {
  constexpr std::uint64_t second = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
  return Duration(count * second / per_second);
}

}  // namespace

Instant RateLimiter::due(Instant now) const {
  return std::max(now, std::max(operations_end_, bytes_end_) - limits_.burst);
}

void RateLimiter::take(Instant now, std::uint64_t bytes) {
  if (limits_.iops > 0) operations_end_ = std::max(operations_end_, now) + time_of(1, limits_.iops);
  if (limits_.bytes_per_second > 0) {
    bytes_end_ = std::max(bytes_end_, now) + time_of(bytes, limits_.bytes_per_second);
  }
}

}  // namespace aoe::target
