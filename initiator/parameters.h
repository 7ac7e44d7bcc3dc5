// What a user may set of the initiator, under the Linux driver's names, and the table of local
// ports.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "wire/frame_port.h"

namespace aoe::initiator {

struct Parameters {
  /// aoe_deadsecs: how long a command is retried before its device is marked down; 0: for ever.
  std::chrono::seconds deadsecs{180};
  /// aoe_maxout: the most unanswered commands for each remote target.
  std::uint16_t maxout = 128;
  /// How often everyone is asked to show up; 0: only on demand.
  std::chrono::seconds discovery_interval{60};
};

/// The local ports by their PortId: what the engine is told of each. A port that is not up is not
/// used.
using PortTable = std::vector<Link>;

}  // namespace aoe::initiator
