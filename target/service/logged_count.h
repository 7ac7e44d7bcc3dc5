// What happens often and is logged at most once a minute, with how often it happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/instant.h"

namespace aoe::target {

class LoggedCount {
 public:
  /// `counted`: how often it has happened so far. Returns how often since it was logged last, which
  /// is to be logged now; 0 where that was less than a minute ago, or nothing has happened since.
  std::uint64_t due(std::uint64_t counted, Instant now) {
    if (counted == logged_ || (at_ && now - *at_ < std::chrono::minutes(1))) return 0;
    at_ = now;
    return counted - std::exchange(logged_, counted);
  }

 private:
  std::uint64_t logged_ = 0;
  std::optional<Instant> at_;
};

}  // namespace aoe::target
