// What a target is told to serve: plain values, read from a command line or a configuration file,
// compared when the file is read again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/address.h"

namespace aoe::target {

/// How the sectors of a file are reached.
enum class IoMode : std::uint8_t {
  automatic,  // a regular file mapped, a block device directly; buffered where neither can be
  mapped,     // mmap(2): the fastest while the image fits in memory
  buffered,   // through the page cache, without waiting for it
  direct,     // O_DIRECT: past the page cache
};

/// Where a LUN's sectors live.
struct StoreDefinition {
  std::string path;     // a file, a block device, "memory:SIZE", or an NBD URI (nbd…://…)
  std::string overlay;  // a delta over `path`, which is then only read; none where empty
  IoMode io = IoMode::automatic;
  bool sync = false;  // a write is stable before it is answered
  bool read_only = false;
  std::uint64_t offset = 0;             // sectors of `path` left out at its start
  std::optional<std::uint64_t> length;  // sectors served; to the end where not given

  bool operator==(const StoreDefinition&) const = default;
};

struct LunDefinition {
  Address address;  // exact
  StoreDefinition store;
  std::vector<std::string> interfaces;  // names or globs; every Ethernet interface where empty
  std::uint16_t buffers = 64;           // commands that a client may have outstanding
  std::string config_string;            // until one is set
  std::vector<Mac> allow;               // sources that are answered; all where empty
  std::vector<Mac> deny;                // sources that are not, allowed or not
  std::string model = "aoe-target";
  std::string serial;    // made from address and host name where empty
  bool announce = true;  // tell everyone when it comes up

  bool operator==(const LunDefinition&) const = default;
};

struct TargetDefinition {
  std::vector<LunDefinition> luns;  // each at an address of its own
  std::string state_folder;         // where what clients set survives; nowhere where empty
  std::string control;              // path of the control socket; none where empty
  int workers = 1;                  // threads that serve
  bool busy_poll = false;           // never sleep
  std::string capture;              // pcap file that records the traffic; none where empty

  bool operator==(const TargetDefinition&) const = default;
};

}  // namespace aoe::target
