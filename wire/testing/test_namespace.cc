#include "wire/testing/test_namespace.h"

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "wire/network_namespace.h"

namespace aoe {
namespace {

int run_ip(const std::string& arguments) {
  return std::system(("PATH=$PATH:/usr/sbin:/sbin; ip " + arguments).c_str());
}

/// What is missing for a namespace with veth pairs; nothing where the process now is in one.
std::optional<std::string> enter_first_namespace() {
  if (const auto entered = enter_network_namespace(); !entered) return entered.error();
  if (run_ip("-Version >/dev/null 2>&1") != 0) return "ip(8) is missing (package iproute2)";
  if (run_ip("link add name probe type veth peer name peer") != 0)
    return "the kernel makes no veth interfaces";
  return std::nullopt;
}

}  // namespace

void NamespaceTest::SetUp() {
  static const std::optional<std::string> missing = enter_first_namespace();
  if (missing) GTEST_SKIP() << *missing;
  ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::generic_category().message(errno);
}

void ip(const std::string& arguments) {
  ASSERT_EQ(run_ip(arguments), 0) << "ip " << arguments;
}

void make_cable(const std::string& a, const std::string& b) {
  ip(fmt::format("link add name {} type veth peer name {}", a, b));
  ip(fmt::format("link set dev {} up", a));
  ip(fmt::format("link set dev {} up", b));
  wait_until_up({a, b});
}

void wait_until_up(const std::vector<std::string>& names) {
  const auto monitor = InterfaceMonitor::open();
  ASSERT_TRUE(monitor) << monitor.error();
  const auto is_up = [](const std::string& name) { return find_interface(name).link.up; };
  while (!std::ranges::all_of(names, is_up)) {
    ASSERT_TRUE(wait_readable((*monitor)->descriptor())) << names.front() << " does not come up";
    while ((*monitor)->next()) {
    }
  }
}

Interface find_interface(const std::string& name) {
  const auto found = choose_interfaces({name});
  EXPECT_TRUE(found) << found.error();
  return found ? found->front() : Interface{};
}

bool wait_readable(int descriptor, std::chrono::milliseconds limit) {
  pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace aoe
