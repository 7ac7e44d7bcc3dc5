// The states of a device: device.h has the table of states and events.
#pragma once

#include <cstdint>
#include <string_view>

namespace aoe::initiator {

enum class DeviceState : std::uint8_t { down, identifying, up, closewait };

/// Returns the state's own name: "identifying".
std::string_view text(DeviceState state);
/// Returns the state as in the Linux driver's `state` file: "up", "down" or "down,closewait".
std::string_view driver_text(DeviceState state);

}  // namespace aoe::initiator
