// Which frames may be sent to somebody's real disk without their leave: those that only ask.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace aoe::harness {

/// What a frame might change at a target: "a write", "a config string"; a frame that nobody can
/// read counts, for who knows what it does to whom. Empty where it only asks.
std::string_view would_change(Bytes frame);

}  // namespace aoe::harness
