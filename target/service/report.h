// The report of a running target: plain values, filled by the workers, and tables of them for a
// person. control.h makes JSON of it, metrics.h the text for Prometheus.
//
// All counters count from the start of the process, or of the LUN where a reload added it; those for a person also
// from the last `ctl clear-stats`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "proto/address.h"
#include "target/service/client_table.h"
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

/// One client of one LUN.
struct ClientReport : ClientCounters {
  Mac mac;
  Address lun;
  std::string interface;  // where it was seen last; empty where that is gone
  Duration last_seen_ago{};

  bool operator==(const ClientReport&) const = default;
};

struct ClientsReport {
  std::vector<ClientReport> clients;
  ClientCounters others;  // for which the tables had no room

  bool operator==(const ClientsReport&) const = default;
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
  /// Interfaces that LUNs name and that are not there: "eth9: no such interface yet".
  std::vector<std::string> absent;
  std::vector<LunDefinition> standby;  // LUNs that are not served until they are promoted

  bool operator==(const TargetReport&) const = default;
};

/// Returns a table with a line for each LUN and one with a line for each port: what they are.
/// Lines follow for LUNs that stand by, that can't be served, or whose address another target has, too,
/// and for interfaces that are not there. Both functions end the text
/// with a newline.
std::string status_table(const TargetReport& report);

/// Returns the same tables with counters.
std::string stats_table(const TargetReport& report);

/// Returns a table with a line for each client of each LUN, those that were seen last first.
std::string clients_table(const ClientsReport& report);

/// Returns rows with columns as wide as their widest cell, two spaces apart. `alignment` has a '<' for each
/// left-aligned column and a '>' for each right-aligned one.
std::string text_table(std::string_view alignment,
                       const std::vector<std::vector<std::string>>& rows);

/// Returns text of unknown origin on one line: bytes that are not printable ASCII become \xNN.
std::string escaped(std::string_view bytes);

}  // namespace aoe::target
