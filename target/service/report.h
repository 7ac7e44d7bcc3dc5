// What a running target shows of itself: plain values, filled by the workers, and tables of them for
// a person. control.h makes JSON of them, metrics.h what Prometheus reads.
//
// All counters count from the start of the process, or of the LUN where a reload added it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "proto/address.h"
#include "target/service/counters.h"

namespace aoe::target {

struct LunReport : LunCounters {
  Address address;
  std::string path;   // as the configuration gives it
  std::string store;  // what kind of store it is: "mapped", "memory", …
  std::uint64_t sectors = 0;
  bool read_only = false;
  std::vector<std::string> interfaces;  // names or globs; every interface where empty
  std::string config_string;            // bytes
  std::vector<Mac> mask;                // everyone is answered where empty
  std::vector<Mac> reservation;         // everyone reads and writes where empty

  bool operator==(const LunReport&) const = default;
};

struct PortReport : EdgeCounters, PortCounters {
  std::string interface;
  Mac mac;
  std::size_t mtu = 0;  // bytes
  bool up = false;

  bool operator==(const PortReport&) const = default;
};

struct TargetReport {
  std::string version;
  Duration uptime{};
  std::vector<LunReport> luns;
  std::vector<PortReport> ports;

  bool operator==(const TargetReport&) const = default;
};

/// One line a LUN and one a port, with what they are. Ends with a newline, as the others do.
std::string status_table(const TargetReport& report);

/// The same with what they did.
std::string stats_table(const TargetReport& report);

/// Text of unknown origin on one line: what is not printable ASCII becomes \xNN.
std::string escaped(std::string_view bytes);

}  // namespace aoe::target
