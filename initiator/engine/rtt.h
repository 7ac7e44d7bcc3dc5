// Estimates the round trip to one remote target, and from it the retransmission timeout.
//
// By default RFC 6298's estimator with its gains (1/8 for the average, 1/4 for the deviation) and
// its cold start of 1 s. Its minimum of 1 s suits the Internet; here it is 100 ms, which the
// scheduler of a busy host stays below. Four deviations count as half the average at least: a round
// trip that never varies must not bring the timeout down to itself. Each transmission of a command
// waits twice as long as the one before it.
//
// An answer that comes after its timeout shows that the timeout was too short (RFC 3522). The
// minimum then follows it: a quarter longer than that answer took, halved with each timeout that
// was right, and less by one part in 256 with each answer.
//
// With Profile::linux_driver it does as the driver: gains of 1/256 and 1/8, a start at 250 ms and
// 2 s, a timeout of twice the average plus eight deviations, and no doubling.
//
// Owned by one remote target; called for every answer, early or late: each transmission has a tag
// of its own, so no sample is ambiguous.
#pragma once

#include "base/instant.h"
#include "initiator/engine/parameters.h"

namespace aoe::initiator {

class RttEstimator {
 public:
  static constexpr Duration timeout_initial = std::chrono::seconds(1);
  static constexpr Duration timeout_min = std::chrono::milliseconds(100);
  static constexpr Duration timeout_max = std::chrono::seconds(8);

  explicit RttEstimator(Profile profile = Profile::rfc6298);

  void sample(Duration round_trip);
  /// An answer came `round_trip` after its transmission, and after that one's timeout.
  void was_early(Duration round_trip);
  /// A timeout was right: a later transmission was answered, and the earlier one was not.
  void was_right() { floor_ /= 2; }

  /// Returns how long to wait for the answer to a command's `attempt`-th transmission (from 1 on).
  Duration timeout(unsigned attempt) const;

  Duration average() const { return average_; }
  Duration deviation() const { return deviation_; }

 private:
  bool linux_driver_;
  bool cold_ = true;
  Duration average_{};
  Duration deviation_{};
  Duration floor_{};  // the least timeout that answers after their timeout have shown to do
};

}  // namespace aoe::initiator
