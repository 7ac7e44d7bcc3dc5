// The SMART commands of a disk (ATA8-ACS, 7.52), as people name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aoe::initiator {

/// One SMART command.
struct SmartCommand {
  std::string name;          // "read-log"
  std::uint8_t feature = 0;  // the feature register
  std::uint8_t number = 0;   // the LBA low register: which log, or which test
  bool reads = false;        // 512 bytes come from the disk
  bool writes = false;       // 512 bytes go to it
};

/// Returns the command of "return-status", "read-data", "read-thresholds", "read-log:N",
/// "write-log:N", "enable", "disable" or "offline-immediate:N", N up to 255. The names of aoeping(8),
/// with underscores, are the same. Nothing for what is none.
std::optional<SmartCommand> parse_smart(std::string_view text);

}  // namespace aoe::initiator
