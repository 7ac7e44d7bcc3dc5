// `aoe-initiator mount`: the disks of a Client as a FUSE file system, with the files of the Linux
// driver (tree.h lists them).
#pragma once

#include <string>

#include "base/log.h"
#include "initiator/cli/connection.h"

namespace aoe::initiator {

struct MountOptions {
  std::string folder;
  LogLevel log_level = LogLevel::info;  // CommandOptions::verbose: debug
  bool allow_other = false;             // other users may use the files
  bool daemon = false;
};

/// Serves until the folder is unmounted, or SIGINT, SIGTERM or SIGHUP comes. With `daemon` a
/// process of its own serves, and this returns when the files are there. What happens from then on is
/// logged to standard error. Returns the program's exit status: 0, or 1 when it has failed and said
/// why. Throws Failed when it can't begin.
int mount_command(const CommandOptions& options, const MountOptions& mount);

}  // namespace aoe::initiator
