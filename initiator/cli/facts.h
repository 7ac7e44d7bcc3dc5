// What there is to know of paths, devices, interfaces and this machine: as JSON for programs, as a
// line for people.
#pragma once

#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "initiator/client/status.h"

namespace aoe::initiator {

nlohmann::ordered_json facts_of(const std::vector<PathStatus>& paths);
/// Returns the identity and the counters of a device, and its paths.
nlohmann::ordered_json facts_of(const DeviceStatus& device);
/// Returns what is known of an interface that the client uses.
nlohmann::ordered_json facts_of(const InterfaceStatus& interface);

/// Returns "0.016GB": thousands of millions of bytes, as aoe-stat has them.
std::string gigabytes(std::uint64_t bytes);
/// Returns the columns of aoe-stat: device, size, interfaces, payload, state.
template <std::ranges::input_range Names>
std::string stat_line(Address device, std::uint64_t bytes, const Names& interfaces,
                      std::uint64_t payload, std::string_view state) {
  return fmt::format("{:>10} {:>15} {:>10} {:<5} {}", fmt::format("{}", device), gigabytes(bytes),
                     fmt::format("{}", fmt::join(interfaces, ",")), payload, state);
}
/// Returns the kernel's name, release, version and machine.
std::string system_text();

}  // namespace aoe::initiator
