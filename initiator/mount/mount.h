// `aoe-initiator mount`: the disks of a Client as a FUSE file system, with the files of the Linux
// driver (tree.h lists them).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/log.h"
#include "initiator/cli/connection.h"
#include "initiator/mount/ownership.h"

namespace aoe::initiator {

struct MountOptions {
  std::string folder;
  LogLevel log_level = LogLevel::info;  // CommandOptions::verbose: debug
  bool allow_other = false;             // other users may use the files
  bool daemon = false;
  Ownership ownership = Ownership::of_process();
  /// The files are there once these devices are, with their partitions.
  std::vector<Address> devices{};
  std::chrono::seconds limit{30};  // for them to come up
};

/// Serves until the folder is unmounted, or SIGINT, SIGTERM or SIGHUP comes. With `daemon` a
/// process of its own serves, and this returns when the files are there. What happens from then on is
/// logged to standard error. Returns the program's exit status: 0, or 1 when it has failed and said
/// why. Throws Failed when it can't begin, or one of the devices does not come up in time.
int mount_command(const CommandOptions& options, const MountOptions& mount);

}  // namespace aoe::initiator
