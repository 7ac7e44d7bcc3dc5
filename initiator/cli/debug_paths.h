// The paths of a device, as sys/kernel/debug/aoe/e0.2 of a mounted tree has them (mount/debug_text.h
// writes it).
//
// A pure function of text that may be anything: what it does not say stays at its default.
#pragma once

#include <string_view>
#include <vector>

#include "initiator/client/status.h"

namespace aoe::initiator {

/// Returns the paths in the order of the text, which their `standing` points into.
std::vector<PathStatus> parse_debug_paths(std::string_view text);

}  // namespace aoe::initiator
