// `aoe-initiator sancheck`: looks for faults between this machine and its targets, path by path:
// frames lost, jumbo frames that do not get through, one address that is two disks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/error_code.hpp>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// Queries of one kind, on one path.
struct ProbeCount {
  unsigned asked = 0;
  unsigned answered = 0;
  Duration round_trip{};  // the shortest

  unsigned lost() const { return asked - answered; }
  /// Counts a query that ended so. A target that refuses it has answered.
  void add(const boost::system::error_code& error, Duration taken);
};

/// What was found on one path.
struct PathCheck {
  Address device{};
  PathStatus path{};
  ProbeCount small{};    // requests and replies of 60 bytes
  ProbeCount request{};  // requests as long as the longest command that is used by this path
  ProbeCount answer{};   // replies of that length
  // The most sectors of which one of those came through, where all of the longest were lost.
  std::optional<unsigned> request_passes{};
  std::optional<unsigned> answer_passes{};
  std::string refusal{};  // why the disk refuses the reads that ask for those; empty: it does not
  std::optional<Identity> identity{};

  /// Returns the most sectors that a command has by this path.
  std::uint8_t sectors() const;
  /// Returns the bytes of the longest frame that is used, including the Ethernet header.
  std::size_t frame_size() const { return ata_header_size + sectors() * sector_size; }
};

struct Finding {
  bool fault = false;  // false: worth knowing
  std::string text{};

  bool operator==(const Finding&) const = default;
};

/// Returns what is wrong or worth knowing. Checks of one device are next to each other.
std::vector<Finding> judge(const std::vector<PathCheck>& checks);

}  // namespace aoe::initiator
