#include "harness/world/mount_namespace.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/descriptor.h"

namespace aoe::harness {

tl::expected<void, std::string> enter_mount_namespace() {
  if (::unshare(CLONE_NEWNS) == 0 &&
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
    return {};
  }
  return tl::unexpected("making a mount namespace: " + last_error().message());
}

}  // namespace aoe::harness
