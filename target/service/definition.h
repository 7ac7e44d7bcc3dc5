// The definition of a target and its LUNs: plain values, read from a command line or a
// configuration file, and compared when the file is read again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/address.h"
#include "target/lun/access_list.h"
#include "target/service/client_limits.h"
#include "target/service/rate_limit.h"
#include "target/service/request_memory.h"
#include "target/store/open_store.h"

namespace aoe::target {

struct LunDefinition {
  Address address;  // exact
  StoreDefinition store;
  std::vector<std::string> interfaces;  // names or globs; as Scope::outside has it where empty
  std::uint16_t buffers = 64;           // commands that a client may have outstanding
  std::string config_string;            // until a client sets one
  std::vector<Mac> allow;               // sources that are answered; all where empty
  std::vector<Mac> deny;                // sources that are not answered, even if allowed
  ClientRights rights;                  // of those that are answered
  std::string model = "aoe-target";
  std::string serial;    // see default_serial.h where empty
  bool announce = true;  // announce the LUN when it comes up
  RateLimits limits;     // of all its clients together
  bool standby = false;  // is not served until it is promoted: another target serves the disk

  bool operator==(const LunDefinition&) const = default;
};

/// Which requests may have a wildcard as their address.
enum class Wildcards : std::uint8_t {
  all,          // as AoEr11 has it: one write may reach every LUN
  config_only,  // Query Config (§3.2), by which clients discover LUNs
};

struct TargetDefinition {
  std::vector<LunDefinition> luns;  // each at an address of its own
  std::string state_folder;         // keeps what clients set; nothing is kept where empty
  std::string control;              // path of the control socket; none where empty
  int workers = 1;                  // threads that serve
  bool busy_poll = false;           // never sleep
  Wildcards wildcards = Wildcards::all;
  ClientLimits client_limits;  // of each client, over all LUNs of a worker
  std::size_t request_memory = RequestMemory::default_size;  // bytes
  std::map<std::string, std::uint16_t> mtu_limits;           // of interfaces: see LivePorts
  std::string metrics;  // address and port of an HTTP server for Prometheus; none where empty
  std::string capture;  // pcap file that records the traffic; none where empty
  /// Where a configuration file defines each LUN: "aoe.yaml:7:5".
  std::map<Address, std::string> places;

  bool operator==(const TargetDefinition&) const = default;
};

}  // namespace aoe::target
