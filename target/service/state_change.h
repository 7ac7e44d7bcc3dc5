// What clients and administrators set in a LUN, in words for the log.
#pragma once

#include <cstdint>
#include <string>

#include "proto/frame.h"
#include "target/lun/lun.h"

namespace aoe::target {

/// One change of a LUN's LunState.
struct StateChange {
  enum class What : std::uint8_t { config_string, mask_list, reservation };
  What what;
  std::string by;          // the client's MAC, or "ctl"
  bool is_forced = false;  // by a client's force set, which overrules what another one has set
};

/// Returns the change that a request asked for and that was made: one that sets a config string,
/// mask list or reservation.
StateChange change_by(const Frame& request);

/// Returns a change in words; `now` is the state after it: "config string set by 02:00:00:00:00:0c:
/// rack 7", "reservation forced by 02:…: 02:…, 02:…", "mask list cleared by ctl". Bytes that can't be
/// printed are escaped; of long values the beginning is shown.
std::string describe(const StateChange& change, const LunState& now);

}  // namespace aoe::target
