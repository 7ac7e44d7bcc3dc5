#include "initiator/engine/tag_table.h"

#include <random>

#include "base/check.h"

namespace aoe::initiator {

TagTable::TagTable(std::uint64_t seed)
    : entries_(4096), next_(static_cast<std::uint32_t>(std::mt19937_64(seed)()) | ours) {}

TagTable::Entry& TagTable::issue() {
  if (outstanding_ >= entries_.size() / 2) grow();
  while (place(next_).state == State::outstanding) next_ = (next_ + 1) | ours;
  Entry& entry = place(next_);
  entry = {.tag = next_, .state = State::outstanding};
  ++outstanding_;
  next_ = (next_ + 1) | ours;
  return entry;
}

TagTable::Entry* TagTable::find(std::uint32_t tag) {
  Entry& entry = place(tag);
  return entry.tag == tag && entry.state != State::unused ? &entry : nullptr;
}

void TagTable::retire(Entry& entry, State as) {
  AOE_CHECK(entry.state == State::outstanding && as != State::outstanding);
  entry.state = as;
  --outstanding_;
}

void TagTable::grow() {
  // Tags that shared no place in the small table share none in a larger one either.
  std::vector<Entry> old(2 * entries_.size());
  old.swap(entries_);
  for (const Entry& entry : old) {
    if (entry.state != State::unused) place(entry.tag) = entry;
  }
}

}  // namespace aoe::initiator
