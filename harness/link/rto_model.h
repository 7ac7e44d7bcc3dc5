// The retransmission timeout that an initiator must keep, computed from the frames seen. It shares
// no code with the initiator that it is compared with.
//
// The `rfc6298` profile of aoe-initiator: 1 s before the first sample; then average + 4 deviations,
// with gains of 1/8 and 1/4; at least 100 ms, doubled for each earlier transmission, at most 8 s. A
// request that later ones have overtaken may be repeated earlier, as in RFC 8985: after a quarter
// of the average, at least 1 ms, eight times as long for each earlier transmission.
//
// The `linux` profile: an average of 250 ms and a deviation of 2 s at first, gains of 1/256 and
// 1/8, twice the average plus eight deviations, no doubling, and no early repetition.
//
// A sample is the time from a transmission to the arrival of its own answer. A flush takes a disk's
// time rather than a link's: it is no sample, and with `rfc6298` its timeout is at least 1 s.
#pragma once

#include <boost/container/static_vector.hpp>

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
  /// The timeout of a command's `attempt`-th transmission, counted from 1.
  Duration rto(unsigned attempt) const;
  Duration flush_rto(unsigned attempt) const;
  /// The shortest wait of a transmission after it was overtaken; with `linux` Duration::max().
  Duration reordering_wait(unsigned attempt) const;
  Duration srtt() const { return srtt_; }

 private:
  bool linux_driver_;
  bool warm_ = false;
  Duration srtt_{};
  Duration rttvar_{};
};

/// The shortest timeouts that an initiator may have at a target, which it may have forgotten and met
/// again.
class RtoBound {
 public:
  explicit RtoBound(RtoModel::Profile profile = RtoModel::Profile::rfc6298) : profile_(profile) {}

  /// The initiator may have forgotten what it had measured, and what it had sent before `now`.
  void may_forget(Instant now);
  /// Of a transmission at `sent`.
  void sample(Instant sent, Duration round_trip);

  Duration rto(unsigned attempt) const;
  Duration flush_rto(unsigned attempt) const;
  Duration reordering_wait(unsigned attempt) const;
  /// Of the first sample on.
  Duration srtt() const { return memories_.front().model.srtt(); }

 private:
  static constexpr std::size_t most = 4;
  struct Memory {
    RtoModel model;
    Instant since = Instant::min();  // of what was sent after that
  };

  RtoModel::Profile profile_;
  boost::container::static_vector<Memory, most> memories_{Memory{RtoModel(profile_)}};
};

}  // namespace aoe::harness
