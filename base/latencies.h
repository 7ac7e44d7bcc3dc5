// A histogram of latencies, exact to about 1.5 percent: each counter covers 1/64 of a power of two.
// Adding takes a few instructions and allocates nothing.
//
// A plain value, filled by the code that times the operations.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/instant.h"

namespace aoe {

class Latencies {
 public:
  void add(Duration latency) {
    const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
    ++counts_[place(nanoseconds)];
    ++count_;
    max_ = std::max(max_, Duration(nanoseconds));
  }

  std::uint64_t count() const { return count_; }
  Duration max() const { return max_; }

  /// Returns the latency that the given part of all operations (0 to 1: 0.99 for the 99th
  /// percentile) does not exceed. Zero without any operation.
  Duration percentile(double part) const {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && static_cast<double>(seen) >= part * static_cast<double>(count_)) {
        return std::min(max_, Duration(last(i)));
      }
    }
    return max_;
  }

 private:
  static constexpr unsigned fine_bits = 6;
  static constexpr std::uint64_t fine = 1U << fine_bits;

  /// Returns the counter of a latency: its own below `fine`, and else that of its highest bits.
  static std::size_t place(std::uint64_t nanoseconds) {
    if (nanoseconds < fine) return nanoseconds;
    const auto shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - fine_bits - 1;
    return (shift + 1) * fine + ((nanoseconds >> shift) - fine);
  }
  /// Returns the longest latency of a counter.
  static std::uint64_t last(std::size_t place) {
    if (place < fine) return place;
    const std::size_t shift = place / fine - 1;
    return ((place % fine + fine + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - fine_bits) * fine> counts_{};
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace aoe
