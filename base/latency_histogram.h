// LatencyHistogram: durations of operations in 24 counters, one for each power of two microseconds.
// Adding takes a few instructions; a percentile is exact to a factor of two.
//
// A plain value. The thread that times the operations owns and fills it; a LunReport has a copy.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <optional>

#include "base/instant.h"

namespace aoe::target {

struct LatencyHistogram {
  static constexpr std::size_t size = 24;

  /// Counter i counts operations that took more than 2^(i-1) and at most 2^i microseconds; counter
  /// 0 those up to 1 microsecond, the last one all that took longer than 2^22 microseconds (4.2 s).
  std::array<std::uint64_t, size> counts{};
  Duration sum{};

  /// The longest duration that counter `place` counts; nothing for the last one, which has no
  /// limit.
  static constexpr std::optional<Duration> limit(std::size_t place) {
    if (place + 1 >= size) return std::nullopt;
    return std::chrono::microseconds(std::int64_t{1} << place);
  }

  /// Adds a duration; a negative one counts as 0.
  constexpr void add(Duration latency) {
    const auto nanoseconds = latency.count() > 0 ? static_cast<std::uint64_t>(latency.count()) : 0;
    const std::uint64_t microseconds = (nanoseconds + 999) / 1000;
    const auto place =
        microseconds <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(microseconds - 1));
    ++counts[place < size ? place : size - 1];
    sum += Duration(nanoseconds);
  }

  constexpr std::uint64_t count() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }

  /// Returns the index of the counter that holds this percentile (`part` is 0 to 1, 0.99 for the
  /// 99th), or nothing if no operation was counted.
  constexpr std::optional<std::size_t> percentile(double part) const {
    const std::uint64_t all = count();
    if (all == 0) return std::nullopt;
    std::uint64_t seen = 0;
    for (std::size_t place = 0; place < size; ++place) {
      seen += counts[place];
      if (static_cast<double>(seen) >= part * static_cast<double>(all)) return place;
    }
    return size - 1;
  }

  bool operator==(const LatencyHistogram&) const = default;
};

}  // namespace aoe::target
