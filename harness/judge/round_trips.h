// The round trips of a device: each of them while they are few, and from then on counters that are
// exact to about 1.5 percent, so that memory does not grow with a capture.
//
// A plain value, filled by Dialogue.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/latencies.h"

namespace aoe::harness {

class RoundTrips {
 public:
  static constexpr std::size_t exact_max = 10'000;

  void add(Duration time) {
    min_ = count_ == 0 ? time : std::min(min_, time);
    ++count_;
    if (latencies_ == nullptr && exact_.size() < exact_max) {
      exact_.push_back(time);
      return;
    }
    if (latencies_ == nullptr) {
      latencies_ = std::make_unique<Latencies>();
      for (const Duration earlier : std::exchange(exact_, {})) latencies_->add(earlier);
    }
    latencies_->add(time);
  }

  std::uint64_t count() const { return count_; }
  Duration min() const { return min_; }
  /// Returns the least of the times that `percent` hundredths of them do not exceed.
  Duration percentile(unsigned percent) const {
    if (latencies_ != nullptr) return latencies_->percentile(percent / 100.0);
    if (exact_.empty()) return {};
    std::vector<Duration> sorted = exact_;
    const std::size_t rank = std::max<std::size_t>((sorted.size() * percent + 99) / 100, 1);
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1));
    return sorted[rank - 1];
  }

 private:
  std::vector<Duration> exact_;
  std::unique_ptr<Latencies> latencies_;
  std::uint64_t count_ = 0;
  Duration min_{};
};

}  // namespace aoe::harness
