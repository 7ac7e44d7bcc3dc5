// `aoe-initiator mount`: the disks of a Client as a FUSE file system that has the Linux driver's
// face (tree.h says which).
#pragma once

#include <string>
#include <vector>

#include "initiator/engine/parameters.h"

namespace aoe::initiator {

struct MountOptions {
  std::vector<std::string> interfaces;
  Parameters parameters;
  std::string folder;
  bool allow_other = false;  // users other than who mounts
  bool daemon = false;
  bool verbose = false;  // events on standard error, too
};

/// Serves until the folder is unmounted or a signal says to end. With `daemon` a process of its own
/// does, and this returns when the files are there. The program's exit status: 0, or 1 with a line
/// on standard error.
int mount_command(const MountOptions& options);

}  // namespace aoe::initiator
