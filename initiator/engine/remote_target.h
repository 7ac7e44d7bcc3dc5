// A remote target: one MAC address at which a device answers, and the paths to it, one for each
// local port that it has answered on.
//
// Owned by its device's Paths. A target's buffers bound what is outstanding, so the window and the
// round-trip time are the target's. What falls silent is a path: a cable, a switch, a card.
#pragma once

#include <cstdint>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/pool.h"
#include "initiator/engine/reordering.h"
#include "initiator/engine/rtt.h"
#include "initiator/engine/window.h"

namespace aoe::initiator {

struct Path {
  std::uint64_t serial = 0;  // tells it from others of the device, past and present
  PortId port = 0;
  bool suspect = false;             // another one is a better choice, if there is one
  unsigned strikes = 0;             // batches in a row that it lost without an answer
  Instant struck = Instant::min();  // the last time
  Instant heard = Instant::min();   // its last answer
  ReorderingWindow reordering{};
  unsigned doubts = 0;  // commands sent again early that nothing was heard of since
  List sent{};  // the device's commands that are outstanding on it, but for those that take a
                // disk's time; in the order in which they were sent
};

struct RemoteTarget {
  Mac mac{};
  Window window{1};
  RttEstimator rtt{};
  std::uint16_t buffer_count = 0;  // as advertised
  std::uint8_t sector_count = 0;   // as advertised; 0 stands for 2 (§3.2)
  Instant heard{};                 // its last answer on any path
  Instant silent_since = never;    // the first transmission since then
  std::vector<Path> paths{};       // at least one
  std::size_t turn = 0;
};

}  // namespace aoe::initiator
