// The commands of aoe-initiator. Each does one thing and prints what there is to know on standard
// output. Throws Failed, or Refused when its arguments are wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/cli/connection.h"
#include "initiator/cli/smart.h"

namespace aoe::initiator {

// Devices and interfaces.

/// Lists the targets that answer a discovery within a short while. Fails when there is none.
void discover_command(const CommandOptions& options);
/// Prints the columns of aoe-stat: device, size, interfaces, payload, state. Of one device, or of
/// all.
void stat_command(const CommandOptions& options, std::optional<Address> device);
/// Prints the IDENTIFY data of a disk.
void identify_command(const CommandOptions& options, Address device);
/// Writes the 512 bytes of IDENTIFY as they came: in hexadecimal on a terminal. The disk need not be
/// one that could be used.
void identify_raw_command(const CommandOptions& options, Address device);
/// Sends a disk a SMART command, and writes the 512 bytes that it reads as identify_raw_command()
/// does. What it writes comes from standard input. Fails when the disk says that it is failing.
void smart_command(const CommandOptions& options, Address device, const SmartCommand& command);
/// Lists the Ethernet interfaces that these options use.
void interfaces_command(const CommandOptions& options);
/// Discovers the target `count` times, `interval` apart, and prints the round trip of each reply
/// that came within options.wait. Fails when none came. Returns the exit status: 0, or 128 + n after
/// signal n, when it has reported what it has.
int ping_command(const CommandOptions& options, Address device, unsigned count,
                 std::chrono::milliseconds interval);
/// Sends `count` queries of each kind on each path (sancheck.h). Fails when there is a fault, or no
/// target.
void sancheck_command(const CommandOptions& options, unsigned count);
/// Prints, as JSON, what a report of a fault should have: versions, parameters, interfaces, devices
/// with their paths and counters, and what happened during a discovery. Also where none answers.
void sos_command(const CommandOptions& options, std::string_view version);
/// Sends the disk IDENTIFY and prints its size.
void revalidate_command(const CommandOptions& options, Address device);
/// Makes stable what the disk has cached.
void flush_command(const CommandOptions& options, Address device);

// Data.

struct CopyOptions {
  /// The part of the disk, or of both disks, in bytes. It need not begin or end with a sector.
  /// Without a length it extends to the end of the disk (or, for a write, of the input).
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  bool verify = false;  // read back what was written, and compare
  bool resume = false;  // go on where an earlier copy ended
  bool quiet = false;   // no progress and no summary on standard error
};

/// Copies from `source` to `destination`. At least one is a device ("e0.2"); the other may be a
/// file, or "-" for standard input or output. On success what was written is stable. Returns the
/// exit status: 0, or 128 + n after signal n.
int copy_command(const CommandOptions& options, const std::string& source,
                 const std::string& destination, const CopyOptions& copy);

struct BenchOptions {
  bool write = false;       // which destroys what is on the disk
  bool random = true;       // else one after the other, from the start of the disk
  std::size_t size = 4096;  // of a request, bytes: whole sectors
  unsigned outstanding = 64;
  std::chrono::seconds time{10};
};

/// Measures how many requests a disk serves a second, and how long each takes. Prints a line a
/// second on a terminal, and the results. Fails as soon as a request fails. Returns the exit status:
/// 0, or 128 + n after signal n, when it has reported what it has.
int bench_command(const CommandOptions& options, Address device, const BenchOptions& bench);

// A target's config string, mask list and reservation (§3.2-3.4). Each prints what the target has
// afterwards.

/// `read` prints the string. `test` and `prefix` fail when no target's string matches.
void config_command(const CommandOptions& options, Address device, const ConfigQuery& query);
/// `read`, `test` or `prefix` of all targets: lists those that have the string. Fails when none does.
void config_of_all_command(const CommandOptions& options, const ConfigQuery& query);
/// Returns standard input to its end, or as much of it as shows that it is too long.
std::string read_config_string();
struct MaskChange {
  std::vector<Mac> remove;
  std::vector<Mac> add;
  bool force = false;  // even if the list then has no address by which the target is reached
};
/// Removes, then adds MACs, then lists them. Refuses a change that locks this machine out.
void mask_command(const CommandOptions& options, Address device, const MaskChange& change);
/// Carries `query` out, and lists for whom the disk is reserved.
void reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query);

// The mounted tree of an `aoe-initiator mount`, without the network.

/// Writes a line to DIR/dev/etherd/FILE, as aoetools do to the files of the Linux driver.
void command_in_tree(const std::string& folder, std::string_view file, const std::string& line);
/// As revalidate_command(). Fails when the disk is silent.
void revalidate_in_tree(const std::string& folder, Address device);
/// Sets the interfaces to use from now on. With no names, prints those in use.
void interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces);
/// As stat_command(), from the tree's attributes. Fails when the tree has no such device, or none.
void stat_in_tree(const CommandOptions& options, const std::string& folder,
                  std::optional<Address> only);
/// As sos_command(): the tree's parameters, and its devices with their targets and paths.
void sos_in_tree(const std::string& folder, std::string_view version);

}  // namespace aoe::initiator
