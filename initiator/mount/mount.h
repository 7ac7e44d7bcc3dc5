// `aoe-initiator mount`: the disks of a Client as a FUSE file system, with the files of the Linux
// driver (tree.h lists them).
#pragma once

#include <string>
#include <vector>

#include "base/trace.h"
#include "initiator/engine/parameters.h"

namespace aoe::initiator {

struct MountOptions {
  std::vector<std::string> interfaces;
  Parameters parameters;
  Trace trace;
  std::string folder;
  bool allow_other = false;  // other users may use the files
  bool daemon = false;
  bool verbose = false;  // events on standard error as well
};

/// Serves until the folder is unmounted, or SIGINT, SIGTERM or SIGHUP comes. With `daemon` a
/// process of its own serves, and this returns when the files are there. Returns the program's exit
/// status: 0, or 1 with a line on standard error.
int mount_command(const MountOptions& options);

}  // namespace aoe::initiator
