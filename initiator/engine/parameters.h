// What a user may set of the initiator, under the Linux driver's names. All of it may be changed at
// any time.
#pragma once

#include <chrono>
#include <cstdint>

namespace aoe::initiator {

/// How time is kept.
enum class Profile : std::uint8_t {
  rfc6298,       // RFC 6298's estimator, timers to the nanosecond, and early retransmission
  linux_driver,  // the Linux driver's own constants and its look at the clock every 100 ms
};

struct Parameters {
  /// aoe_deadsecs: how long a command is retried before its device is marked down; 0: for ever.
  std::chrono::seconds deadsecs{180};
  /// aoe_maxout: the most unanswered commands for each remote target.
  std::uint16_t maxout = 128;
  /// How often everyone is asked to show up; 0: only on demand.
  std::chrono::seconds discovery_interval{60};
  Profile profile = Profile::rfc6298;
  /// With rfc6298: a command that others have overtaken is sent again before its timeout.
  bool early_retransmission = true;
  /// aoe_dyndevs: any slot. Without it only slots 0 to 15 are accepted, which have static minors.
  bool dyndevs = true;
};

}  // namespace aoe::initiator
