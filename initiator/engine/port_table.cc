#include "initiator/engine/port_table.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace aoe::initiator {

PortId PortTable::add(const Link& link) {
  const auto gone = std::ranges::find(ports_, false, &Port::present);
  if (gone != ports_.end()) {
    *gone = {.link = link};
    return static_cast<PortId>(gone - ports_.begin());
  }
  AOE_CHECK(ports_.size() < std::numeric_limits<PortId>::max());
  ports_.push_back({.link = link});
  return static_cast<PortId>(ports_.size() - 1);
}

void PortTable::remove(PortId port) {
  AOE_CHECK(contains(port));
  ports_[port] = {.link = {.up = false}, .present = false};
}

}  // namespace aoe::initiator
