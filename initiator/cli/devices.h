// The commands that look at devices and interfaces. Each does one thing through a Client and prints
// it on standard output. Throws Failed.
#pragma once

#include <chrono>
#include <optional>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// Lists the targets that answer a discovery within a short while. Fails when there is none.
void discover_command(const CommandOptions& options);
/// Prints the columns of aoe-stat: device, size, interfaces, payload, state. Of one device, or of
/// all.
void stat_command(const CommandOptions& options, std::optional<Address> device);
/// Prints the IDENTIFY data of a disk.
void identify_command(const CommandOptions& options, Address device);
/// Lists the Ethernet interfaces that these options use.
void interfaces_command(const CommandOptions& options);
/// Discovers the target `count` times, `interval` apart, and prints the round trip of each reply
/// that came within options.wait. Fails when none came.
void ping_command(const CommandOptions& options, Address device, unsigned count,
                  std::chrono::milliseconds interval);
/// Sends the disk IDENTIFY and prints its size.
void revalidate_command(const CommandOptions& options, Address device);
/// Makes stable what the disk has cached.
void flush_command(const CommandOptions& options, Address device);

}  // namespace aoe::initiator
