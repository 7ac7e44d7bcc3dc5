// Estimates the round-trip time to one remote target, and from it the retransmission timeout.
//
// RFC 6298's estimator with its gains (1/8 for the average, 1/4 for the deviation) and its cold
// start of 1 s; its minimum of 1 s is for the Internet, and here 100 ms, which the scheduler of a
// busy host stays below. Owned by one remote target; told of every answer, early or late: each
// transmission has a tag of its own, so no sample is ambiguous.
#pragma once

#include "proto/instant.h"

namespace aoe::initiator {

class RttEstimator {
 public:
  static constexpr Duration timeout_initial = std::chrono::seconds(1);
  static constexpr Duration timeout_min = std::chrono::milliseconds(100);
  static constexpr Duration timeout_max = std::chrono::seconds(8);

  void sample(Duration round_trip);

  /// How long to wait for the answer to a command's `attempt`-th transmission (from 1 on): the
  /// estimate, doubled for each transmission before it, within timeout_min and timeout_max.
  Duration timeout(unsigned attempt) const;

  Duration average() const { return average_; }

 private:
  bool cold_ = true;
  Duration average_{};
  Duration deviation_{};
};

}  // namespace aoe::initiator
