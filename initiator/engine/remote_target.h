// A remote target: one MAC address at which a device answers, and the paths to it, one for each
// local port that it has answered on.
//
// Owned by its device's Paths. A target's buffers bound what is outstanding, so the window and the
// round trip belong to the target. What falls silent is a path: a cable, a switch, a card.
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
  std::uint64_t serial = 0;  // no other path of the device ever has it
  PortId port = 0;
  bool suspect = false;             // silent: any other path is chosen before it
  unsigned strikes = 0;             // batches in a row that were lost without an answer
  Instant struck = Instant::min();  // the last time
  ReorderingWindow reordering{};
  unsigned doubts = 0;  // commands sent again early, and not answered since
  List sent{};  // the device's commands that are outstanding on it, but for those that take a
                // disk's time; in the order in which they were sent
};

struct RemoteTarget {
  Mac mac{};
  Window window{1};
  RttEstimator rtt{};
  std::uint16_t buffer_count = 0;  // as advertised
  std::uint8_t sector_count = 0;   // as advertised; 0 stands for 2 (§3.2)
  Instant heard{};                 // when its last answer came, on any path
  Instant silent_since = never;    // when the first transmission after that was sent
  std::vector<Path> paths{};       // at least one
  std::size_t turn = 0;
};

}  // namespace aoe::initiator
