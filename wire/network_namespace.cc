#include "wire/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe {
namespace {

Descriptor open_current() {
  return Descriptor(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

bool write_file(const char* path, const std::string& text) {
  const Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  return file.get() >= 0 &&
         ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

tl::expected<void, std::string> enter_network_namespace() {
  if (::unshare(CLONE_NEWNET) == 0) return {};
  const auto user = ::geteuid();
  const auto group = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return tl::unexpected("no network namespace without root, and no user namespace: " +
                          last_error().message());
  }
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) ||
      !write_file("/proc/self/gid_map", fmt::format("0 {} 1", group))) {
    return tl::unexpected("a user namespace cannot be set up: " + last_error().message());
  }
  return {};
}

tl::expected<NetworkNamespace, std::string> NetworkNamespace::create() {
  const Descriptor home = open_current();
  if (home.get() < 0 || ::unshare(CLONE_NEWNET) != 0) {
    return tl::unexpected("making a network namespace: " + last_error().message());
  }
  Descriptor file = open_current();
  AOE_CHECK(file.get() >= 0 && ::setns(home.get(), CLONE_NEWNET) == 0);
  return NetworkNamespace(std::move(file));
}

std::string NetworkNamespace::name() const {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
}

NetworkNamespace::Visit::Visit(const NetworkNamespace& where) : home_(open_current()) {
  AOE_CHECK(home_.get() >= 0 && ::setns(where.file_.get(), CLONE_NEWNET) == 0);
}

NetworkNamespace::Visit::~Visit() {
  AOE_CHECK(::setns(home_.get(), CLONE_NEWNET) == 0);
}

}  // namespace aoe
