// The subcommands of aoe-initiator: each does one thing through a OldClient, prints, and returns
// the program's exit status (0, or 1 with a line on standard error).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/old_client.h"
#include "initiator/transfer.h"

namespace aoe::initiator {

/// What all subcommands are given.
struct CommandOptions {
  std::vector<std::string> interfaces;
  Parameters parameters;
  std::chrono::seconds wait{3};  // for a device to come up
  bool json = false;
};

/// Lists the targets that answer a discovery within a short while.
int discover_command(const CommandOptions& options);
/// The columns of aoe-stat: device, size, interfaces, payload, state. Of one device, or of all.
int stat_command(const CommandOptions& options, std::optional<Address> device);
/// What the disk says of itself.
int identify_command(const CommandOptions& options, Address device);
/// Asks the target `count` times, `interval` apart, and prints how long each answer took. 1 when
/// none came.
int ping_command(const CommandOptions& options, Address device, unsigned count,
                 std::chrono::milliseconds interval);
/// Disk to standard output, and standard input to disk. A summary goes to standard error unless
/// `quiet`.
int read_command(const CommandOptions& options, Address device, const Extent& extent, bool quiet);
int write_command(const CommandOptions& options, Address device, const Extent& extent, bool quiet);

/// "aoe-initiator: …" on standard error.
void complain(std::string_view line);

}  // namespace aoe::initiator
