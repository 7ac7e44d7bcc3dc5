// Which LUNs are served on one port, and how an address finds them (§2.1): an exact one finds one
// LUN, a wildcard all that it covers, in the order of their addresses.
//
// Owned by Service, one for each port. Refers to the LUNs; Service adds and removes them, each in
// logarithmic time. A wildcard looks at no LUN that it does not cover. Allocates nothing once it is
// filled and wildcards have been asked for.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "target/service/counters.h"
#include "target/service/served_lun.h"
#include "wire/frame_port.h"

namespace aoe::target {

class PortTable {
 public:
  /// Returns whether a LUN is served on the port.
  using Admission = std::function<bool(const ServedLun&)>;

  explicit PortTable(FramePort& port) : port_(port) {}

  FramePort& port() const { return port_; }
  /// The rule for what is added from here on; without one, every LUN is served.
  void set_admission(Admission admission) { admission_ = std::move(admission); }
  /// Applies the admission to all LUNs again.
  void fill(const ServedLuns& luns);
  /// Adds a LUN that is not there yet, if it is admitted.
  void add(ServedLun& lun);
  /// Removes a LUN, if it is there.
  void remove(const ServedLun& lun);

  /// The LUNs that are served.
  const std::map<Address, ServedLun*>& luns() const { return luns_; }
  /// Returns the LUN at an exact address, or null.
  ServedLun* find(Address exact) const {
    const auto found = by_address_.find(key(exact));
    return found == by_address_.end() ? nullptr : found->second;
  }
  /// Returns the LUNs that an address covers, at most `most` of those from `from` on. Valid until
  /// the next call.
  std::span<ServedLun* const> covered(Address address, Address from = {},
                                      std::size_t most = std::numeric_limits<std::size_t>::max()) {
    if (!address.is_exact()) return covered_by_wildcard(address, from, most);
    const auto found = by_address_.find(key(address));
    if (found == by_address_.end()) return {};
    return {&found->second, 1};
  }

  EdgeCounters counters;  // of frames on this port that no LUN counts

 private:
  static std::uint32_t key(Address address) {
    return static_cast<std::uint32_t>(address.shelf << 8 | address.slot);
  }
  std::span<ServedLun* const> covered_by_wildcard(Address address, Address from, std::size_t most);

  FramePort& port_;
  Admission admission_;
  std::map<Address, ServedLun*> luns_;
  std::map<std::pair<std::uint8_t, std::uint16_t>, ServedLun*> by_slot_;  // the same: slot, shelf
  boost::unordered_flat_map<std::uint32_t, ServedLun*> by_address_;  // the same, for each frame
  std::vector<ServedLun*> covered_;
};

}  // namespace aoe::target
