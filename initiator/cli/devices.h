// The commands that look at devices and interfaces: each does one thing through a Client, prints,
// and returns the program's exit status (0, or 1 with a line on standard error).
#pragma once

#include <chrono>
#include <optional>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// Lists the targets that answer a discovery within a short while.
int discover_command(const CommandOptions& options);
/// The columns of aoe-stat: device, size, interfaces, payload, state. Of one device, or of all.
int stat_command(const CommandOptions& options, std::optional<Address> device);
/// What the disk says of itself.
int identify_command(const CommandOptions& options, Address device);
/// The Ethernet interfaces that there are, and whether these options use them.
int interfaces_command(const CommandOptions& options);
/// Asks the target `count` times, `interval` apart, and prints how long each answer took that came
/// within options.wait. 1 when none came.
int ping_command(const CommandOptions& options, Address device, unsigned count,
                 std::chrono::milliseconds interval);
/// Asks the disk what it is now: its size.
int revalidate_command(const CommandOptions& options, Address device);
/// Makes stable what the disk has cached.
int flush_command(const CommandOptions& options, Address device);

}  // namespace aoe::initiator
