// How soon a command that goes by one path is expected to be answered, to choose between paths.
//
// The expectation is the average round trip of the path's own answers, longer the more commands are
// outstanding on it and the more of them were lost lately. While commands are outstanding and nothing
// is answered, it is no less than that silence: a path that has died gets no more of them, though no
// timeout has passed yet. A path that has not answered a command yet is given one only. A path that is
// too slow to be chosen is given a command every probe_interval, so that it is known when it is better.
//
// Owned by a path; called on send, answer and loss. Reads no clock.
#pragma once

#include "base/instant.h"

namespace aoe::initiator {

class PathSpeed {
 public:
  static constexpr Duration probe_interval = std::chrono::milliseconds(250);

  void sent(Instant now);
  /// A command was answered in this time; in `none` where the time is the disk's.
  static constexpr Duration none = Duration::min();
  void answered(Duration round_trip, Instant now);
  /// A command is not outstanding any more without an answer; one was lost.
  void withdrawn() { --outstanding_; }
  void lost();

  /// A path that was silent answers again: what is known of it is out of date.
  void forget();

  int outstanding() const { return outstanding_; }
  bool is_measured() const { return average_ > Duration(0); }
  Duration average() const { return average_; }
  bool is_due(Instant now) const {
    return sent_ == Instant::min() || now >= sent_ + probe_interval;
  }
  /// Returns the expected time to an answer of another command, in nanoseconds, for comparison only.
  /// `unmeasured` stands for the average of a path that has none.
  double expectation(Duration unmeasured, Instant now) const;

 private:
  Duration average_{};
  double loss_ = 0;  // share of the commands that were lost lately
  int outstanding_ = 0;
  Instant sent_ = Instant::min();  // the last command
  Instant silent_since_{};  // while commands are outstanding: the first of them, or the last answer
};

}  // namespace aoe::initiator
