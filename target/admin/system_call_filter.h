// Limits the system calls of the process to those that aoe-target makes while it serves (seccomp), as
// the unit does under systemd: --sandbox.
//
// Installed by the Daemon once everything is open, before clients are answered; it can't be taken back. A call
// that is not on the list fails with EPERM, and is counted, so that the log can name it. The list
// covers io_uring and threads for disks, NBD, reload, promotion, ctl and the metrics; not programs to run, other
// processes, mounts, or sockets of other kinds. Needs libseccomp, and x86-64 or 64-bit ARM.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"

namespace aoe::target {

class SystemCallFilter {
 public:
  /// Limits all threads, those to come included. Once in a process, which can't gain privileges by then (see
  /// drop_privileges()). Error: "this build has no libseccomp", or the kernel's.
  static tl::expected<std::unique_ptr<SystemCallFilter>, std::string> install();
  ~SystemCallFilter();

  /// Readable once calls were refused, until take_refused().
  int descriptor() const { return noticed_.get(); }
  /// Returns the calls that were refused since it was called last: "execve", "socket (3 times)".
  std::vector<std::string> take_refused();

 private:
  explicit SystemCallFilter(Descriptor noticed) : noticed_(std::move(noticed)) {}

  Descriptor noticed_;  // an eventfd
};

}  // namespace aoe::target
