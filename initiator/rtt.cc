#include "initiator/rtt.h"

#include <algorithm>

namespace aoe::initiator {

void RttEstimator::sample(Duration round_trip) {
  if (cold_) {
    cold_ = false;
    average_ = round_trip;
    deviation_ = round_trip / 2;
    return;
  }
  deviation_ += (std::chrono::abs(average_ - round_trip) - deviation_) / 4;
  average_ += (round_trip - average_) / 8;
}

Duration RttEstimator::timeout(unsigned attempt) const {
  Duration timeout = cold_ ? timeout_initial : std::max(average_ + 4 * deviation_, timeout_min);
  for (unsigned i = 1; i < attempt && timeout < timeout_max; ++i) timeout *= 2;
  return std::min(timeout, timeout_max);
}

}  // namespace aoe::initiator
