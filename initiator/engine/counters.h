// What a device counts, for users to read.
#pragma once

#include <cstdint>

namespace aoe::initiator {

/// How many requests have completed.
struct RequestCounters {
  std::uint64_t reads = 0;  // by kind
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t trims = 0;
  std::uint64_t failures = 0;  // those of any kind that failed
};

/// What a device has sent and met since it was discovered.
struct DeviceCounters {
  std::uint64_t commands = 0;  // transmissions, repeated ones included
  std::uint64_t retransmissions = 0;
  std::uint64_t early_retransmissions = 0;  // of these, before their timeout
  std::uint64_t late_answers = 0;
};

}  // namespace aoe::initiator
