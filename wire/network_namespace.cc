#include "wire/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe {
namespace {

std::string reason() {
  return std::generic_category().message(errno);
}

int open_current() {
  return ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

bool write_file(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

}  // namespace

tl::expected<void, std::string> enter_network_namespace() {
  if (::unshare(CLONE_NEWNET) == 0) return {};
  const auto user = ::geteuid();
  const auto group = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return tl::unexpected(
        fmt::format("no network namespace without root, and no user namespace: {}", reason()));
  }
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) ||
      !write_file("/proc/self/gid_map", fmt::format("0 {} 1", group))) {
    return tl::unexpected(fmt::format("a user namespace cannot be set up: {}", reason()));
  }
  return {};
}

tl::expected<NetworkNamespace, std::string> NetworkNamespace::create() {
  const int home = open_current();
  if (home < 0 || ::unshare(CLONE_NEWNET) != 0) {
    return tl::unexpected(fmt::format("making a network namespace: {}", reason()));
  }
  const int fd = open_current();
  AOE_CHECK(fd >= 0 && ::setns(home, CLONE_NEWNET) == 0);
  ::close(home);
  return NetworkNamespace(fd);
}

NetworkNamespace::NetworkNamespace(NetworkNamespace&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

NetworkNamespace::~NetworkNamespace() {
  if (fd_ >= 0) ::close(fd_);
}

std::string NetworkNamespace::name() const {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_);
}

NetworkNamespace::Visit::Visit(const NetworkNamespace& where) : home_(open_current()) {
  AOE_CHECK(home_ >= 0 && ::setns(where.fd_, CLONE_NEWNET) == 0);
}

NetworkNamespace::Visit::~Visit() {
  AOE_CHECK(::setns(home_, CLONE_NEWNET) == 0);
  ::close(home_);
}

}  // namespace aoe
