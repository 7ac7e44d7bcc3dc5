#include "initiator/engine/reordering.h"

#include <algorithm>

#include "initiator/engine/rtt.h"

namespace aoe::initiator {

Duration ReorderingWindow::wait(Duration round_trip_average, unsigned attempt) const {
  Duration wait = std::max({round_trip_average / 4, wait_min, learned_});
  for (unsigned i = 1; i < attempt && wait < RttEstimator::timeout_max; ++i) wait *= 8;
  return wait;
}

void ReorderingWindow::lost() {
  if (++losses_ < losses_per_step) return;
  losses_ = 0;
  learned_ /= 2;
}

void ReorderingWindow::was_late(Duration by) {
  losses_ = 0;
  learned_ = std::min(std::max(learned_, 2 * by), RttEstimator::timeout_max);
}

}  // namespace aoe::initiator
