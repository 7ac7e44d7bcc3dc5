#include "initiator/cli/pings.h"

#include <algorithm>

namespace aoe::initiator {

void Pings::asked(std::uint32_t tag, Instant now) {
  requests_.push_back({.tag = tag, .sequence = ++asked_, .asked = now});
  ++waiting_;
  next_ = now + interval_;
}

std::optional<Pings::Answer> Pings::answered(std::uint32_t tag, Instant now) {
  // Most answers are to the latest request.
  const auto found = std::find_if(requests_.rbegin(), requests_.rend(),
                                  [&](const Request& request) { return request.tag == tag; });
  if (found == requests_.rend()) return std::nullopt;
  if (!found->answered) {
    found->answered = true;
    --waiting_;
    ++answers_;
  }
  return Answer{.sequence = found->sequence, .taken = now - found->asked};
}

void Pings::give_up(Instant now) {
  while (!requests_.empty() && now >= requests_.front().asked + timeout_) {
    waiting_ -= requests_.front().answered ? 0 : 1;
    requests_.pop_front();
  }
}

Instant Pings::deadline() const {
  const Instant next = asked_ < count_ ? next_ : never;
  return requests_.empty() ? next : std::min(next, requests_.front().asked + timeout_);
}

}  // namespace aoe::initiator
