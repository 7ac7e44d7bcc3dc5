// The devices of a capture: what is known of each, found by address and station in constant time.
//
// Owns the accounts. Memory is bounded: from the 65,537th device on, all others share one account,
// of which nothing is learned. A request for all shelves or slots may change many devices at once;
// that is noted once and applied to a device when it is looked at. Fed by Dialogue.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/judge/reply_rules.h"
#include "harness/judge/tracker.h"

namespace aoe::harness {

class Devices {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = ~Id{};
  /// So many have accounts of their own.
  static constexpr std::size_t told_apart_max = std::size_t{1} << 16;

  /// What is unknown of a device until it says it again.
  struct Change {
    bool config = false;
    bool mask = false;
    bool reserved = false;
  };

  /// `stations` outlives it, and may grow.
  explicit Devices(const std::vector<Station>& stations) : stations_(stations) {}

  /// Returns the device of that address at that station, which is a new one where none is known.
  Id find(Address address, std::optional<StationId> station);
  /// Returns the first device of that address that was found in the VLAN; none where there is none.
  Id find_in_vlan(Address address, std::uint16_t vlan) const;
  /// The account of all devices that are not told apart.
  bool is_shared(Id id) const { return id == told_apart_max; }

  DeviceAccount& operator[](Id id);
  /// All of them, in the order in which they were found; exact after apply_all().
  const std::vector<DeviceAccount>& accounts() const { return accounts_; }

  /// A request for the address, which may be a wildcard, may change these.
  void may_change(Address address, Change change);
  void apply_all();

  /// A request for the address, which may be a wildcard, sets the config string, and waits for its
  /// answer until it is removed.
  void add_config_set(Address address);
  void remove_config_set(Address address);
  /// Do any wait that may change the device at the address?
  bool has_config_sets(Address address) const;

 private:
  /// The numbers of the latest requests that may have changed something; 0: none.
  struct Latest {
    std::uint64_t config = 0;
    std::uint64_t mask = 0;
    std::uint64_t reserved = 0;
  };

  void apply(Id id);

  const std::vector<Station>& stations_;
  std::vector<DeviceAccount> accounts_;
  std::vector<std::uint64_t> applied_;   // by Id: the number of the last change that was applied
  FrameMap<Id> ids_;                     // by address and station
  FrameMap<Id> first_in_vlan_;           // by address and VLAN
  FrameMap<bool> known_;                 // addresses
  FrameMap<Latest> latest_;              // by known address, or wildcard
  FrameMap<std::uint32_t> config_sets_;  // that wait, by address or wildcard
  std::uint64_t changes_ = 0;
};

}  // namespace aoe::harness
