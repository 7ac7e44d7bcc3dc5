#include "initiator/engine/range_order.h"

#include "base/check.h"

namespace aoe::initiator {

bool RangeOrder::join(Index request, std::uint64_t lba, std::uint64_t sectors, Access access) {
  const std::uint64_t begin = sectors == 0 ? 0 : lba;
  Entry entry{begin, begin + sectors, next_number_++, request, 0, access};
  if (access == Access::change || changing_ > 0) {
    for (const Entry& other : entries_) entry.waits_for += conflict(entry, other);
  }
  changing_ += access == Access::change;
  waiting_ += entry.waits_for > 0;
  if (request >= position_.size()) position_.resize(request + 1);
  position_[request] = entries_.size();
  entries_.push_back(entry);
  return entry.waits_for == 0;
}

void RangeOrder::leave(Index request, std::vector<Index>& ready) {
  const std::size_t position = position_[request];
  const Entry gone = entries_[position];
  AOE_CHECK(gone.request == request);
  entries_[position] = entries_.back();
  position_[entries_[position].request] = position;
  entries_.pop_back();
  changing_ -= gone.access == Access::change;
  waiting_ -= gone.waits_for > 0;
  if (waiting_ == 0) return;
  for (Entry& other : entries_) {
    if (other.number < gone.number || !conflict(gone, other)) continue;
    if (--other.waits_for > 0) continue;
    --waiting_;
    ready.push_back(other.request);
  }
}

}  // namespace aoe::initiator
