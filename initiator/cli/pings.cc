#include "initiator/cli/pings.h"

#include <algorithm>

namespace aoe::initiator {

void Pings::asked(std::uint32_t tag, Instant now) {
  questions_.push_back({.tag = tag, .sequence = ++asked_, .asked = now});
  ++waiting_;
  next_ = now + interval_;
}

std::optional<Pings::Answer> Pings::answered(std::uint32_t tag, Instant now) {
  // Most answers are to the latest question.
  const auto found = std::find_if(questions_.rbegin(), questions_.rend(),
                                  [&](const Question& question) { return question.tag == tag; });
  if (found == questions_.rend()) return std::nullopt;
  if (!found->answered) {
    found->answered = true;
    --waiting_;
    ++answers_;
  }
  return Answer{.sequence = found->sequence, .taken = now - found->asked};
}

void Pings::give_up(Instant now) {
  while (!questions_.empty() && now >= questions_.front().asked + timeout_) {
    waiting_ -= questions_.front().answered ? 0 : 1;
    questions_.pop_front();
  }
}

Instant Pings::deadline() const {
  const Instant next = asked_ < count_ ? next_ : never;
  return questions_.empty() ? next : std::min(next, questions_.front().asked + timeout_);
}

}  // namespace aoe::initiator
