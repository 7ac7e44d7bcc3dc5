// What there is to know of paths, devices and interfaces, as JSON for programs.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "initiator/client/status.h"

namespace aoe::initiator {

nlohmann::ordered_json facts_of(const std::vector<PathStatus>& paths);
/// Returns the identity and the counters of a device, and its paths.
nlohmann::ordered_json facts_of(const DeviceStatus& device);
/// Returns what is known of an interface that the client uses.
nlohmann::ordered_json facts_of(const InterfaceStatus& interface);

}  // namespace aoe::initiator
