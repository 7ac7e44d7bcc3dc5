// `aoe-target check`: what a start with a configuration would find, by trying as much of it as changes
// nothing.
//
// Called by main. Opens files for reading, for a moment and without locks, so that a target may run
// meanwhile; connects to NBD servers. Not found: who else has an image locked or a device mounted, for
// that may be the target whose configuration this is.
#pragma once

#include <string>
#include <vector>

#include "target/service/definition.h"

namespace aoe::target {

/// What was found, a line each.
struct ConfigCheck {
  /// Why LUNs, or the target, could not be served: "aoe.yaml:7:5: e0.2: disk.img: No such file or directory".
  std::vector<std::string> errors;
  /// What else there is to say: "e0.3: would make a new overlay x.cow over golden.img". At the end, without
  /// errors: "aoe.yaml: valid, 3 LUNs".
  std::vector<std::string> remarks;
};

struct ConfigCheckOptions {
  std::string file;    // path of the configuration, which is checked with its drop-ins
  bool force = false;  // as it is served with --force
  /// A unit of systemd, by its name or path: errors are also what it would keep its process from. None
  /// where empty.
  std::string unit = {};
};

ConfigCheck check_config(const ConfigCheckOptions& options);

}  // namespace aoe::target
