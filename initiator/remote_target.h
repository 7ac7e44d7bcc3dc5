// A remote target: one MAC address at which a device answers, and the local ports that reach it.
//
// Owned by its device. Holds what is learned about this one path: the window, the round-trip time,
// the limits it advertises, and whether it has fallen silent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "initiator/actions.h"
#include "initiator/rtt.h"
#include "initiator/window.h"

namespace aoe::initiator {

struct RemoteTarget {
  std::uint64_t serial = 0;  // tells it from others of the device, past and present
  Mac mac;
  Window window{1};
  RttEstimator rtt;
  std::uint8_t sector_count = 0;  // as advertised; 0 stands for 2 (§3.2)
  unsigned expiries = 0;          // commands in a row that it did not answer in time
  Instant heard{};                // its last answer
  std::vector<PortId> ports;      // that it has answered on
  std::size_t next_port = 0;

  /// Silent so often in a row that another one is a better choice, if there is one.
  bool is_suspect() const { return expiries >= 2; }

  void answered(Instant now) {
    heard = now;
    expiries = 0;
  }

  void add_port(PortId port) {
    if (std::ranges::find(ports, port) == ports.end()) ports.push_back(port);
  }

  /// Ports take turns.
  PortId take_port() { return ports[next_port++ % ports.size()]; }
};

}  // namespace aoe::initiator
