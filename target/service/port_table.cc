#include "target/service/port_table.h"

#include <algorithm>

namespace aoe::target {

void PortTable::fill(const ServedLuns& luns) {
  by_address_.clear();
  by_slot_.clear();
  luns_.clear();
  for (const auto& [address, lun] : luns) add(*lun);
}

void PortTable::add(ServedLun& lun) {
  if (admission_ && !admission_(lun)) return;
  const Address address = lun.lun.address();
  by_address_.emplace(key(address), &lun);
  by_slot_.emplace(std::pair(address.slot, address.shelf), &lun);
  luns_.emplace(address, &lun);
}

void PortTable::remove(const ServedLun& lun) {
  const auto found = luns_.find(lun.lun.address());
  if (found == luns_.end() || found->second != &lun) return;
  by_address_.erase(key(found->first));
  by_slot_.erase({found->first.slot, found->first.shelf});
  luns_.erase(found);
}

std::span<ServedLun* const> PortTable::covered_by_wildcard(Address address, Address from,
                                                           std::size_t most) {
  covered_.clear();
  const auto collect = [&](auto next, const auto end) {
    for (; next != end && covered_.size() < most && address.covers(next->second->lun.address());
         ++next) {
      covered_.push_back(next->second);
    }
  };
  if (address.slot != Address::any_slot) {
    const auto first = static_cast<std::uint16_t>(from.shelf + (from.slot > address.slot ? 1 : 0));
    collect(by_slot_.lower_bound({address.slot, first}), by_slot_.end());
  } else if (address.shelf != Address::any_shelf) {
    collect(luns_.lower_bound(std::max(from, Address{address.shelf, 0})), luns_.end());
  } else {
    collect(luns_.lower_bound(from), luns_.end());
  }
  return covered_;
}

}  // namespace aoe::target
