// Which frames may be sent to a real disk without permission: those that only ask.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace aoe::harness {

/// Returns what a frame might change at a target: "a write", "a config string"; empty where it only
/// asks. A frame that can't be decoded counts as a change.
std::string_view would_change(Bytes frame);

}  // namespace aoe::harness
