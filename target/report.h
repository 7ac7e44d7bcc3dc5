// What a running target shows of itself: plain values, filled by the daemon, and tables of them for
// a person. control.h makes JSON of them, metrics.h what Prometheus reads.
//
// All counters count from the start of the process, or of the LUN where a reload added it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/address.h"
#include "proto/instant.h"
#include "proto/reject.h"
#include "target/latency_histogram.h"
#include "target/lun.h"

namespace aoe::target {

struct LunReport {
  Address address;
  std::string path;   // as the configuration gives it
  std::string store;  // what kind of store it is: "mapped", "memory", …
  std::uint64_t sectors = 0;
  bool read_only = false;
  std::vector<std::string> interfaces;  // names or globs; every interface where empty
  std::string config_string;            // bytes
  std::vector<Mac> mask;                // everyone is answered where empty
  std::vector<Mac> reservation;         // everyone reads and writes where empty

  std::uint64_t requests = 0;
  std::uint64_t reads = 0;  // operations on the store, failed ones included
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t trims = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t aoe_errors = 0;                         // replies with flag E
  std::uint64_t ata_errors = 0;                         // replies whose ATA status is an error
  std::uint64_t store_errors = 0;                       // operations that failed
  std::uint64_t dropped_busy = 0;                       // requests: too many operations in flight
  std::array<std::uint64_t, silence_count> silences{};  // requests not answered, by Silence
  LatencyHistogram latency;                             // of operations on the store

  bool operator==(const LunReport&) const = default;
};

struct PortReport {
  std::string interface;
  Mac mac;
  std::size_t mtu = 0;  // bytes
  bool up = false;
  std::uint64_t received = 0;  // frames
  std::uint64_t sent = 0;
  std::uint64_t receive_dropped = 0;  // lost before they were read
  std::uint64_t send_dropped = 0;
  std::array<std::uint64_t, rule_count> rejects{};  // by Rule
  std::uint64_t responses = 0;                      // received and ignored (flag R)
  std::uint64_t not_addressed = 0;                  // for LUNs that are not here

  bool operator==(const PortReport&) const = default;
};

struct TargetReport {
  std::string version;
  Duration uptime{};
  std::vector<LunReport> luns;
  std::vector<PortReport> ports;

  bool operator==(const TargetReport&) const = default;
};

/// "masked source": why a request gets no answer, in words.
std::string_view text(Silence silence);

/// One line a LUN and one a port, with what they are. Ends with a newline, as the others do.
std::string status_table(const TargetReport& report);

/// The same with what they did.
std::string stats_table(const TargetReport& report);

/// Text of unknown origin on one line: what is not printable ASCII becomes \xNN.
std::string escaped(std::string_view bytes);

}  // namespace aoe::target
