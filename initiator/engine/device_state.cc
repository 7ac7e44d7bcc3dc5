#include "initiator/engine/device_state.h"

#include "base/check.h"

namespace aoe::initiator {

std::string_view text(DeviceState state) {
  switch (state) {
    case DeviceState::down: return "down";
    case DeviceState::identifying: return "identifying";
    case DeviceState::up: return "up";
    case DeviceState::closewait: return "closewait";
  }
  AOE_CHECK(false && "a state without a text");
}

std::string_view driver_text(DeviceState state) {
  switch (state) {
    case DeviceState::down:
    case DeviceState::identifying: return "down";
    case DeviceState::up: return "up";
    case DeviceState::closewait: return "down,closewait";
  }
  AOE_CHECK(false && "a state without a text");
}

}  // namespace aoe::initiator
