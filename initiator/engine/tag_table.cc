#include "initiator/engine/tag_table.h"

#include <random>

#include "base/check.h"

namespace aoe::initiator {

TagTable::TagTable(std::uint64_t seed)
    : transmissions_(4096), next_(static_cast<std::uint32_t>(std::mt19937_64(seed)()) | ours) {}

Transmission& TagTable::issue() {
  if (outstanding_ >= transmissions_.size() / 2) grow();
  while (place(next_).state == State::outstanding) next_ = (next_ + 1) | ours;
  Transmission& transmission = place(next_);
  transmission = {.tag = next_, .state = State::outstanding};
  ++outstanding_;
  next_ = (next_ + 1) | ours;
  return transmission;
}

Transmission* TagTable::find(std::uint32_t tag) {
  Transmission& transmission = place(tag);
  return transmission.tag == tag && transmission.state != State::unused ? &transmission : nullptr;
}

void TagTable::retire(Transmission& transmission, State as) {
  AOE_CHECK(transmission.state == State::outstanding && as != State::outstanding);
  transmission.state = as;
  --outstanding_;
}

void TagTable::await_again(Transmission& transmission) {
  AOE_CHECK(transmission.state == State::superseded);
  transmission.state = State::outstanding;
  transmission.expired = false;
  ++outstanding_;
}

void TagTable::grow() {
  // Tags that shared no place in the small table share none in a larger one either.
  std::vector<Transmission> old(2 * transmissions_.size());
  old.swap(transmissions_);
  for (const Transmission& transmission : old) {
    if (transmission.state != State::unused) place(transmission.tag) = transmission;
  }
}

}  // namespace aoe::initiator
