// The questions of a ping: asked at a distance, and each waits for an answer of its own, however
// soon the next one is asked. Answers may come in any order, more than once, or too late.
//
// Filled by the command that asks. No I/O, no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/instant.h"

namespace aoe::initiator {

class Pings {
 public:
  struct Answer {
    unsigned sequence = 0;  // of its question, from 1
    Duration taken{};
  };

  /// `count` questions, `interval` apart, each of which waits for `timeout`.
  Pings(unsigned count, Duration interval, Duration timeout)
      : count_(count), interval_(interval), timeout_(timeout) {}

  /// Is it time to ask the next question?
  bool due(Instant now) const { return asked_ < count_ && now >= next_; }
  /// It was asked, under this tag.
  void asked(std::uint32_t tag, Instant now);
  /// Something was answered under this tag. Nothing where no question of this tag is known: it was
  /// given up, or is not ours. Of an answer to a question that was answered already all is told,
  /// but it does not count.
  std::optional<Answer> answered(std::uint32_t tag, Instant now);
  /// Gives up questions that have waited long enough.
  void give_up(Instant now);

  /// All were asked, and none waits any more.
  bool done() const { return asked_ == count_ && waiting_ == 0; }
  /// When the next one is due, or the oldest is to be given up, at the earliest.
  Instant deadline() const;

  /// Questions that have been answered, each once.
  unsigned answers() const { return answers_; }

 private:
  struct Question {
    std::uint32_t tag = 0;
    unsigned sequence = 0;
    Instant asked{};
    bool answered = false;
  };

  const unsigned count_;
  const Duration interval_;
  const Duration timeout_;
  std::deque<Question> questions_;  // of the last `timeout`, the oldest first
  Instant next_ = Instant::min();
  unsigned asked_ = 0;
  unsigned waiting_ = 0;
  unsigned answers_ = 0;
};

}  // namespace aoe::initiator
