// What the retransmission timeout must be, worked out from the frames seen: the harness's own
// account, against which an initiator's behaviour is held.
//
// The `rfc6298` profile of aoe-initiator: cold start 1 s; then average + 4 deviations, with gains
// of 1/8 and 1/4; at least 100 ms, doubled for each transmission before, at most 8 s. A request
// that later ones have overtaken need not wait so long, in the manner of RFC 8985: a quarter of
// the average is enough, at least 1 ms, eight times as long for each transmission before.
//
// The `linux` profile: 250 ms and 2 s at first, gains of 1/256 and 1/8, twice the average and
// eight deviations, no doubling, and nothing is sent again early.
//
// Samples are the time from a transmission to the arrival of its own answer. A flush takes a disk's
// time and not a link's: it is no sample, and with `rfc6298` has 1 s at least.
#pragma once

#include "base/instant.h"
#include "initiator/engine/parameters.h"

namespace aoe::harness {

class RtoModel {
 public:
  using Profile = initiator::Profile;
  static constexpr Duration flush_least = std::chrono::seconds(1);
  static constexpr Duration most = std::chrono::seconds(8);

  explicit RtoModel(Profile profile = Profile::rfc6298);

  void sample(Duration round_trip);
  /// For a command's `attempt`-th transmission, from 1 on.
  Duration rto(unsigned attempt) const;
  Duration flush_rto(unsigned attempt) const;
  /// The least that it waits after it was overtaken.
  Duration reordering_wait(unsigned attempt) const;
  Duration srtt() const { return srtt_; }

 private:
  bool linux_driver_;
  bool warm_ = false;
  Duration srtt_{};
  Duration rttvar_{};
};

}  // namespace aoe::harness
