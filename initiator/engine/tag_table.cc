#include "initiator/engine/tag_table.h"

#include "base/check.h"

namespace aoe::initiator {

TagTable::TagTable(For whom, std::uint64_t key)
    : sequence_(ours | static_cast<std::uint32_t>(whom), key ^ static_cast<std::uint64_t>(whom)),
      transmissions_(4096) {}

std::uint32_t TagTable::draw() {
  return sequence_.tag(next_++);
}

Transmission& TagTable::issue() {
  if (outstanding_ >= transmissions_.size() / 2) grow();
  while (place(next_).state == State::outstanding) ++next_;
  Transmission& transmission = place(next_);
  transmission = {.tag = sequence_.tag(next_), .state = State::outstanding};
  ++outstanding_;
  ++next_;
  return transmission;
}

Transmission* TagTable::find(std::uint32_t tag) {
  if (!sequence_.is_ours(tag)) return nullptr;
  Transmission& transmission = place(sequence_.number(tag));
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
  // Numbers that shared no place in the small table share none in a larger one either.
  std::vector<Transmission> old(2 * transmissions_.size());
  old.swap(transmissions_);
  for (const Transmission& transmission : old) {
    if (transmission.state != State::unused)
      place(sequence_.number(transmission.tag)) = transmission;
  }
}

}  // namespace aoe::initiator
