#include "target/service/port_table.h"

namespace aoe::target {

void PortTable::fill(std::span<const std::unique_ptr<ServedLun>> luns) {
  by_address_.clear();
  luns_.clear();
  for (const auto& lun : luns) add(*lun);
}

void PortTable::add(ServedLun& lun) {
  if (admission_ && !admission_(lun)) return;
  by_address_.emplace(key(lun.lun.address()), &lun);
  luns_.push_back(&lun);
}

void PortTable::remove(const ServedLun& lun) {
  if (std::erase(luns_, &lun) > 0) by_address_.erase(key(lun.lun.address()));
}

std::span<ServedLun* const> PortTable::covered_by_wildcard(Address address) {
  covered_.clear();
  for (ServedLun* const lun : luns_) {
    if (address.covers(lun->lun.address())) covered_.push_back(lun);
  }
  return covered_;
}

}  // namespace aoe::target
