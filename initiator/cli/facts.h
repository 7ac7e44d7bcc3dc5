// What there is to know of paths, devices, interfaces and this machine: as JSON for programs, as a
// line for people.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "initiator/client/status.h"

namespace aoe::initiator {

nlohmann::ordered_json facts_of(const std::vector<PathStatus>& paths);
/// Returns what a disk says of itself; "rotation-rate" is null where it does not say how fast it rotates.
nlohmann::ordered_json facts_of(const Identity& identity);
/// Returns the identity and the counters of a device, and its paths.
nlohmann::ordered_json facts_of(const DeviceStatus& device);
/// Returns what is known of an interface that the client uses.
nlohmann::ordered_json facts_of(const InterfaceStatus& interface);

/// Returns the interfaces through which a device is reached.
std::set<std::string> interfaces_of(const DeviceStatus& device);
/// Returns what `stat --json` prints of a device. "read-only" is null until the disk has refused a write:
/// ATA has no word for it.
nlohmann::ordered_json stat_facts(const DeviceStatus& device);
/// Returns the columns of aoe-stat: device, size in thousands of millions of bytes ("0.016GB"),
/// interfaces, payload, state. "read-only" follows where that is known.
std::string stat_line(const DeviceStatus& device);
/// Returns the kernel's name, release, version and machine.
std::string system_text();

}  // namespace aoe::initiator
