// The counters of a device.
#pragma once

#include <cstdint>

namespace aoe::initiator {

/// Requests that have completed.
struct RequestCounters {
  std::uint64_t reads = 0;  // by kind
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t trims = 0;
  std::uint64_t failures = 0;  // of any kind
};

/// Commands since the device was discovered.
struct DeviceCounters {
  std::uint64_t commands = 0;  // transmissions, repeated ones included
  std::uint64_t retransmissions = 0;
  std::uint64_t early_retransmissions = 0;  // of the retransmissions, those before the timeout
  std::uint64_t late_answers = 0;
  std::uint64_t refused_answers = 0;  // from another MAC than was asked
  std::uint64_t replaced = 0;         // another disk, of another serial number, took its place
};

}  // namespace aoe::initiator
