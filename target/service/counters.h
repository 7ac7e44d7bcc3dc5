// What a target has done, in numbers: plain values, kept by Service, shown by reports.
#pragma once

#include <array>
#include <cstdint>

#include "base/latency_histogram.h"
#include "proto/reject.h"
#include "target/lun/lun.h"

namespace aoe::target {

/// What a LUN has done.
struct LunCounters {
  std::uint64_t requests = 0;    // for it
  std::uint64_t replies = 0;     // handed to a port, whatever they said
  std::uint64_t aoe_errors = 0;  // replies with flag E
  std::uint64_t ata_errors = 0;  // replies whose ATA status is an error
  std::uint64_t reads = 0;       // operations that its store did, failed ones included
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t trims = 0;
  std::uint64_t verifies = 0;
  std::uint64_t bytes_read = 0;  // by operations that succeeded
  std::uint64_t bytes_written = 0;
  std::uint64_t store_errors = 0;                       // operations that failed
  std::uint64_t state_errors = 0;                       // what was set could not be made stable
  std::uint64_t announcements = 0;                      // frames
  std::uint64_t dropped_busy = 0;                       // requests: too many in flight
  std::uint64_t dropped_port = 0;                       // replies: their port was forgotten
  std::array<std::uint64_t, silence_count> silences{};  // requests, by Silence
  LatencyHistogram latency;

  void add(const LunCounters& other);
  bool operator==(const LunCounters&) const = default;
};

/// What became of frames that no LUN counts.
struct EdgeCounters {
  std::uint64_t responses = 0;                      // received and ignored (flag R)
  std::uint64_t not_addressed = 0;                  // for other LUNs
  std::array<std::uint64_t, rule_count> rejects{};  // by Rule; answered with an error or not

  void add(const EdgeCounters& other);
  bool operator==(const EdgeCounters&) const = default;
};

}  // namespace aoe::target
