// The requests of a ping. They are sent at an interval, and each waits for its own answer, however
// soon the next one is sent. Answers may come in any order, more than once, or too late.
//
// Used by the command that sends them. Does no I/O and reads no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/instant.h"

namespace aoe::initiator {

class Pings {
 public:
  struct Answer {
    unsigned sequence = 0;  // of its request, from 1
    Duration taken{};
  };

  /// `count` requests, `interval` apart, each of which waits for `timeout`.
  Pings(unsigned count, Duration interval, Duration timeout)
      : count_(count), interval_(interval), timeout_(timeout) {}

  /// Returns whether it is time to send the next request.
  bool due(Instant now) const { return asked_ < count_ && now >= next_; }
  /// A request was sent with this tag.
  void asked(std::uint32_t tag, Instant now);
  /// An answer with this tag came. Returns nothing when no request of this tag waits: it was given
  /// up, or is not ours. A second answer to one request is returned as well, but does not count.
  std::optional<Answer> answered(std::uint32_t tag, Instant now);
  /// Gives up requests that have waited for the timeout.
  void give_up(Instant now);

  /// Returns whether all were sent, and none waits any more.
  bool done() const { return asked_ == count_ && waiting_ == 0; }
  /// Returns when the next request is due, or the oldest is to be given up, at the earliest.
  Instant deadline() const;

  /// Returns how many requests were sent, except those that wait.
  unsigned decided() const { return asked_ - waiting_; }
  /// Returns how many requests were answered.
  unsigned answers() const { return answers_; }

 private:
  struct Request {
    std::uint32_t tag = 0;
    unsigned sequence = 0;
    Instant asked{};
    bool answered = false;
  };

  const unsigned count_;
  const Duration interval_;
  const Duration timeout_;
  std::deque<Request> requests_;  // of the last `timeout`, the oldest first
  Instant next_ = Instant::min();
  unsigned asked_ = 0;
  unsigned waiting_ = 0;
  unsigned answers_ = 0;
};

}  // namespace aoe::initiator
