#include "target/service/port_table.h"

#include <algorithm>

namespace aoe::target {

void PortTable::fill(const ServedLuns& luns) {
  by_address_.clear();
  luns_.clear();
  for (const auto& [address, lun] : luns) add(*lun);
}

void PortTable::add(ServedLun& lun) {
  if (admission_ && !admission_(lun)) return;
  by_address_.emplace(key(lun.lun.address()), &lun);
  luns_.emplace(lun.lun.address(), &lun);
}

void PortTable::remove(const ServedLun& lun) {
  const auto found = luns_.find(lun.lun.address());
  if (found == luns_.end() || found->second != &lun) return;
  by_address_.erase(key(found->first));
  luns_.erase(found);
}

std::span<ServedLun* const> PortTable::covered_by_wildcard(Address address, Address from,
                                                           std::size_t most) {
  covered_.clear();
  const bool is_one_shelf = address.shelf != Address::any_shelf;
  const Address first = is_one_shelf ? std::max(from, Address{address.shelf, 0}) : from;
  for (auto next = luns_.lower_bound(first); next != luns_.end(); ++next) {
    if (covered_.size() == most || (is_one_shelf && next->first.shelf != address.shelf)) break;
    if (address.covers(next->first)) covered_.push_back(next->second);
  }
  return covered_;
}

}  // namespace aoe::target
