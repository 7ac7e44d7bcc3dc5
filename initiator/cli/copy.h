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

/// One of them, or both, is a device ("e0.2"); another is a file, or "-" for standard input or
/// output. On success what was written is stable. 128 + n after signal n, when what was moved by
/// then is stable.
int copy_command(const CommandOptions& options, const std::string& source,
                 const std::string& destination, const CopyOptions& copy);

}  // namespace aoe::initiator
