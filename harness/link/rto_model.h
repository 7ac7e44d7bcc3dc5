// What the retransmission timeout must be, worked out from the frames seen: the harness's own
// account, against which an initiator's behaviour is held.
//
// The `rfc6298` profile of aoe-initiator: cold start 1 s; then average + 4 deviations, with gains
// of 1/8 and 1/4; at least 100 ms, doubled for each transmission before, at most 8 s. Samples are
// the time from a transmission to the arrival of its own answer. A flush takes a disk's time and
// not a link's: it is no sample, and has 1 s at least.
#pragma once

#include "proto/instant.h"

namespace aoe::harness {

class RtoModel {
 public:
  static constexpr Duration flush_least = std::chrono::seconds(1);

  void sample(Duration round_trip);
  /// For a command's `attempt`-th transmission, from 1 on.
  Duration rto(unsigned attempt) const;
  Duration srtt() const { return srtt_; }

 private:
  bool warm_ = false;
  Duration srtt_{};
  Duration rttvar_{};
};

}  // namespace aoe::harness
