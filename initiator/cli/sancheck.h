// `aoe-initiator sancheck`: looks for what is wrong between this machine and its targets, path by
// path: frames lost, jumbo frames that do not get through, one address that is two disks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/error_code.hpp>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// Questions of one kind, asked of one path.
struct ProbeCount {
  unsigned asked = 0;
  unsigned answered = 0;
  Duration round_trip{};  // the shortest

  unsigned lost() const { return asked - answered; }
  /// Counts one question more. A target that refuses it has answered.
  void add(const boost::system::error_code& error, Duration taken);
};

/// What was found of one path.
struct PathCheck {
  Address device{};
  PathStatus path{};
  ProbeCount small{};     // question and answer of 60 bytes
  ProbeCount request{};   // a question as long as the longest command that is used by this path
  ProbeCount answer{};    // an answer as long
  std::string refusal{};  // the disk's, of those reads
  std::optional<Identity> identity{};

  /// Most sectors that a command has by this path.
  std::uint8_t sectors() const;
  /// Bytes of the longest frame that is used, the Ethernet header included.
  std::size_t frame_size() const { return ata_header_size + sectors() * sector_size; }
};

struct Finding {
  bool fault = false;  // else worth knowing
  std::string text{};

  bool operator==(const Finding&) const = default;
};

/// Checks of one device lie next to each other.
std::vector<Finding> judge(const std::vector<PathCheck>& checks);

/// Asks `count` questions of each kind. 1 when something is wrong, or there is no target.
int sancheck_command(const CommandOptions& options, unsigned count);

}  // namespace aoe::initiator
