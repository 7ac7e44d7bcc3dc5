// `aoe-initiator copy`, `read` and `write`: between disks, files, and standard input and output.
#pragma once

#include <string>

#include "initiator/cli/transfer.h"

namespace aoe::initiator {

struct CopyOptions {
  Extent extent;        // of the disk, or of both
  bool verify = false;  // read back what was written, and compare
  bool resume = false;  // go on where an earlier copy ended
  bool quiet = false;   // no progress and no summary on standard error
};

/// Copies from `source` to `destination`. At least one is a device ("e0.2"); the other may be a
/// file, or "-" for standard input or output. On success what was written is stable. Returns the
/// exit status: 0, or 128 + n after signal n. Throws Failed or Refused.
int copy_command(const CommandOptions& options, const std::string& source,
                 const std::string& destination, const CopyOptions& copy);

}  // namespace aoe::initiator
