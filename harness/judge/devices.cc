#include "harness/judge/devices.h"

#include <algorithm>
#include <array>

namespace aoe::harness {
namespace {

std::uint64_t key_of(Address address) {
  return std::uint64_t{address.shelf} << 8 | address.slot;
}

std::uint64_t key_of(Address address, std::uint32_t place) {
  return key_of(address) << 32 | place;
}

/// The address of a device, and the wildcards that cover it.
std::array<Address, 4> covering(Address address) {
  const auto [shelf, slot] = address;
  return {address, Address{shelf, Address::any_slot}, Address{Address::any_shelf, slot},
          Address::everyone()};
}

}  // namespace

Devices::Id Devices::find(Address address, std::optional<StationId> station) {
  const std::uint64_t key = key_of(address, station ? *station : std::uint32_t{1} << 16);
  if (const auto found = ids_.find(key); found != ids_.end()) return found->second;
  if (accounts_.size() > told_apart_max) return told_apart_max;
  const auto id = static_cast<Id>(accounts_.size());
  applied_.push_back(changes_);
  if (id == told_apart_max) {
    accounts_.push_back({.address = Address::everyone(), .station = std::nullopt});
    return id;
  }
  accounts_.push_back({.address = address, .station = station});
  ids_.emplace(key, id);
  known_.emplace(key_of(address), true);
  if (station && *station != no_station)
    first_in_vlan_.try_emplace(key_of(address, stations_[*station].vlan), id);
  return id;
}

Devices::Id Devices::find_in_vlan(Address address, std::uint16_t vlan) const {
  const auto found = first_in_vlan_.find(key_of(address, vlan));
  return found == first_in_vlan_.end() ? none : found->second;
}

DeviceAccount& Devices::operator[](Id id) {
  if (applied_[id] != changes_) apply(id);
  return accounts_[id];
}

void Devices::may_change(Address address, Change change) {
  if (!change.config && !change.mask && !change.reserved) return;
  if (address.is_exact() && !known_.contains(key_of(address))) return;
  Latest& latest = latest_[key_of(address)];
  ++changes_;
  if (change.config) latest.config = changes_;
  if (change.mask) latest.mask = changes_;
  if (change.reserved) latest.reserved = changes_;
}

void Devices::apply(Id id) {
  DeviceAccount& device = accounts_[id];
  for (const Address address : covering(device.address)) {
    const auto latest = latest_.find(key_of(address));
    if (latest == latest_.end()) continue;
    if (latest->second.config > applied_[id]) device.config_may_change = true;
    if (latest->second.mask > applied_[id]) device.mask.reset();
    if (latest->second.reserved > applied_[id]) device.reserved.reset();
  }
  applied_[id] = changes_;
}

void Devices::add_config_set(Address address) {
  ++config_sets_[key_of(address)];
}

void Devices::remove_config_set(Address address) {
  const auto found = config_sets_.find(key_of(address));
  if (found != config_sets_.end() && --found->second == 0) config_sets_.erase(found);
}

bool Devices::has_config_sets(Address address) const {
  return std::ranges::any_of(covering(address),
                             [&](Address one) { return config_sets_.contains(key_of(one)); });
}

void Devices::apply_all() {
  for (Id id = 0; id < accounts_.size(); ++id) apply(id);
}

}  // namespace aoe::harness
