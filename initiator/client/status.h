// The state of devices and interfaces at one moment, as plain values. Any thread may use a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/engine/actions.h"
#include "initiator/engine/counters.h"
#include "proto/identify.h"

namespace aoe::initiator {

/// A path to a device: from a local interface to one of the MAC addresses at which it answers.
struct PathStatus {
  std::string interface;
  Mac mac{};
  std::uint16_t mtu = 0;        // of the interface, bytes
  bool suspect = false;         // silent: any other path is chosen before it
  std::size_t payload = 0;      // bytes that a command moves on it at most
  std::string_view standing{};  // "member": it is used; "candidate": it has not said yet which
                                // disk it is; "unproven": nothing shows that it is the same disk;
                                // "foreign": it is another disk
  std::string serial{};         // as it said; empty before
  std::uint64_t disk_sectors = 0;  // the same
  std::uint16_t buffers = 0;       // as advertised (AoEr11 §3.2): messages that it can queue
  std::uint8_t sectors = 0;        // as advertised: most sectors in one command; 0 stands for 2
  std::uint16_t window = 0;        // commands that may be outstanding now, on all interfaces
  std::uint16_t window_max = 0;    // the smaller of buffers (at least 1) and maxout
  std::uint16_t threshold = 0;     // of the window: it grows more slowly above it
  std::uint16_t outstanding = 0;   // commands that are
  Duration round_trip{};           // average
  Duration deviation{};            // of the round trip, average
  Duration retransmit_timeout{};   // of a first transmission

  bool is_used() const { return standing == "member"; }
  bool is_foreign() const { return standing == "foreign"; }
};

struct DeviceStatus {
  Address address{};
  std::string_view state;      // "up", "down" or "down,closewait"
  unsigned opens = 0;          // users that hold it open
  std::uint64_t sectors = 0;   // of 512 bytes; 0 before it was up
  bool read_only = false;      // it has refused the last write
  std::size_t payload = 0;     // bytes that a command moves on every path; 0 with no path
  std::uint16_t firmware = 0;  // version, as advertised
  std::optional<Identity> identity{};
  std::vector<PathStatus> paths{};  // those that are used first
  RequestCounters requests{};
  DeviceCounters counters{};

  bool is_up() const { return state == "up"; }
  /// Returns whether it is being found out of a target which disk it is, while others are used.
  bool is_in_doubt() const {
    bool used = false;
    bool in_doubt = false;
    for (const PathStatus& path : paths) {
      used |= path.is_used();
      in_doubt |= path.standing == "candidate";
    }
    return used && in_doubt;
  }
  /// Returns the paths that lead to another disk, which has the same address by mistake.
  std::vector<PathStatus> others() const {
    std::vector<PathStatus> found;
    for (const PathStatus& path : paths) {
      if (path.is_foreign()) found.push_back(path);
    }
    return found;
  }
  std::uint64_t size() const { return sectors * sector_size; }  // bytes
};

struct InterfaceStatus {
  std::string name;
  Mac mac{};
  std::uint16_t mtu = 0;  // bytes
  bool up = false;
  std::uint64_t received = 0;  // frames, since it was taken
  std::uint64_t sent = 0;
  std::uint64_t receive_dropped = 0;
  std::uint64_t send_dropped = 0;
};

}  // namespace aoe::initiator
