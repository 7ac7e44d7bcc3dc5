// Which frames may be sent to a real disk: without permission those that only ask, and with it those
// that ask no other disk to change. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace aoe::harness {

/// Returns what a frame might change at a target: "a write", "a config string"; empty where it only
/// asks. A frame that can't be decoded counts as a change.
std::string_view would_change(Bytes frame);

/// Returns why a frame may not be sent to what answers on the interface: "would send a write to eth1:
/// --write-ok allows it"; empty: it may. No permission is enough for a change at any shelf or slot,
/// which each disk of a station takes for its own (AoEr11 §2).
std::string refusal_on_wire(Bytes frame, const std::string& interface, bool write_ok);

}  // namespace aoe::harness
