#include "initiator/engine/rtt.h"

#include <algorithm>

namespace aoe::initiator {
namespace {

constexpr Duration driver_average = std::chrono::milliseconds(250);
constexpr Duration driver_deviation = std::chrono::seconds(2);

}  // namespace

RttEstimator::RttEstimator(Profile profile) : linux_driver_(profile == Profile::linux_driver) {
  if (!linux_driver_) return;
  cold_ = false;
  average_ = driver_average;
  deviation_ = driver_deviation;
}

void RttEstimator::sample(Duration round_trip) {
  if (cold_) {
    cold_ = false;
    average_ = round_trip;
    deviation_ = round_trip / 2;
    return;
  }
  const int average_gain = linux_driver_ ? 256 : 8;  // one part in so many
  const int deviation_gain = linux_driver_ ? 8 : 4;
  deviation_ += (std::chrono::abs(average_ - round_trip) - deviation_) / deviation_gain;
  average_ += (round_trip - average_) / average_gain;
  floor_ -= floor_ / 256;
}

void RttEstimator::was_early(Duration round_trip) {
  floor_ = std::min(std::max(floor_, round_trip + round_trip / 4), timeout_max);
}

Duration RttEstimator::timeout(unsigned attempt) const {
  if (linux_driver_) return 2 * average_ + 8 * deviation_;
  const Duration warm = average_ + std::max(4 * deviation_, average_ / 2);
  Duration timeout = cold_ ? timeout_initial : std::max({warm, timeout_min, floor_});
  for (unsigned i = 1; i < attempt && timeout < timeout_max; ++i) timeout *= 2;
  return std::min(timeout, timeout_max);
}

}  // namespace aoe::initiator
