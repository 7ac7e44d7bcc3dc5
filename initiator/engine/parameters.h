// The initiator's parameters, under the Linux driver's names. All of them may be changed at any
// time.
#pragma once

#include <chrono>
#include <cstdint>

namespace aoe::initiator {

/// How timeouts are computed.
enum class Profile : std::uint8_t {
  rfc6298,       // RFC 6298's estimator, timers to the nanosecond, and early retransmission
  linux_driver,  // the Linux driver's constants, and timers that fire every 100 ms
};

struct Parameters {
  /// aoe_deadsecs: how long a command is sent again before its device is down; 0: for ever.
  std::chrono::seconds deadsecs{180};
  /// aoe_maxout: the most unanswered commands for each remote target.
  std::uint16_t maxout = 128;
  /// The most sectors that a command moves, even if interface and target allow more; 0: no limit.
  std::uint8_t max_sectors = 0;
  /// How often all targets are discovered; 0: only on demand.
  std::chrono::seconds discovery_interval{60};
  Profile profile = Profile::rfc6298;
  /// With rfc6298: a command that others have overtaken is sent again before its timeout.
  bool early_retransmission = true;
  /// aoe_dyndevs: any slot. Without it only slots 0 to 15 are accepted, which have static minors.
  bool dyndevs = true;
};

}  // namespace aoe::initiator
