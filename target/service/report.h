// The report of a running target: plain values, filled by the workers, and tables of them for a
// person. control.h makes JSON of it, metrics.h the text for Prometheus.
//
// All counters count from the start of the process, or of the LUN where a reload added it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "proto/address.h"
#include "target/service/counters.h"
#include "target/service/definition.h"

namespace aoe::target {

struct LunReport : LunCounters {
  LunDefinition definition;  // of which reports show what is not an option of the protocol
  std::string store;         // its kind: "mapped", "memory", …
  std::uint64_t sectors = 0;
  LunState state;
  std::optional<Mac> other_target;  // the last that answered for the LUN's address

  bool operator==(const LunReport&) const = default;
};

struct PortReport : EdgeCounters, PortCounters {
  std::string interface;
  Mac mac;
  std::size_t mtu = 0;  // bytes
  bool up = false;

  bool operator==(const PortReport&) const = default;
};

/// A LUN of the configuration that can't be served now, and is tried again.
struct MissingReport {
  Address address;
  std::string path;
  std::string why;

  bool operator==(const MissingReport&) const = default;
};

struct TargetReport {
  std::string version;
  Duration uptime{};
  std::vector<LunReport> luns;
  std::vector<PortReport> ports;
  std::vector<MissingReport> missing;
  std::vector<LunDefinition> standby;  // LUNs that are not served until they are promoted

  bool operator==(const TargetReport&) const = default;
};

/// Returns a table with a line for each LUN and one with a line for each port: what they are.
/// Lines follow for LUNs that stand by, that can't be served, or whose address another target has, too. Both functions end the text
/// with a newline.
std::string status_table(const TargetReport& report);

/// Returns the same tables with counters.
std::string stats_table(const TargetReport& report);

/// Returns text of unknown origin on one line: bytes that are not printable ASCII become \xNN.
std::string escaped(std::string_view bytes);

}  // namespace aoe::target
