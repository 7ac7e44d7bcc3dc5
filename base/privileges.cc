#include "base/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "base/descriptor.h"

namespace aoe {

namespace {

constexpr std::uint32_t net_raw = 1U << CAP_NET_RAW;
constexpr std::uint32_t net_admin = 1U << CAP_NET_ADMIN;

/// The capabilities of a thread.
using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

bool get_capabilities(Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, sets.data()) == 0;
}

bool set_capabilities(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

}  // namespace

tl::expected<User, std::string> find_user(const std::string& name) {
  const bool is_number =
      !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  const passwd* const entry = is_number && name.size() < 10
                                  ? ::getpwuid(static_cast<uid_t>(std::stoul(name)))
                                  : ::getpwnam(name.c_str());
  if (entry == nullptr) return tl::unexpected(name + ": no such user");
  return User{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

tl::expected<void, std::string> become(const User& user) {
  if (::getuid() == user.id && ::geteuid() == user.id) return {};
  const bool is_done = ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && ::setgroups(0, nullptr) == 0 &&
                       ::setresgid(user.group, user.group, user.group) == 0 &&
                       ::setresuid(user.id, user.id, user.id) == 0;
  const std::error_code error = last_error();
  ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  if (is_done) return {};
  const char* const hint =
      error == std::errc::operation_not_permitted ? " (it takes root to become another user)" : "";
  return tl::unexpected(user.name + ": " + error.message() + hint);
}

bool drop_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  Sets sets{};
  if (!get_capabilities(sets)) return false;
  // A change of the user has made none effective.
  sets[0] = {sets[0].permitted & net_raw, sets[0].permitted & (net_raw | net_admin), 0};
  sets[1] = {};
  return set_capabilities(sets);
}

NetAdminRaised::NetAdminRaised() {
  Sets sets{};
  if (!get_capabilities(sets)) return;
  if ((sets[0].permitted & net_admin) == 0 || (sets[0].effective & net_admin) != 0) return;
  sets[0].effective |= net_admin;
  was_raised_ = set_capabilities(sets);
}

NetAdminRaised::~NetAdminRaised() {
  Sets sets{};
  if (!was_raised_ || !get_capabilities(sets)) return;
  sets[0].effective &= ~net_admin;
  set_capabilities(sets);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
  return limit.rlim_cur;
}

std::string text_with_descriptor_limit(const std::error_code& error) {
  if (error != std::errc::too_many_files_open) return error.message();
  return error.message() + " (the limit is " + std::to_string(descriptor_limit()) +
         "; LimitNOFILE= of systemd or ulimit -n raises it)";
}

bool names_descriptor_limit(std::string_view text) {
  return text.find(text_with_descriptor_limit(error_of(EMFILE))) != text.npos;
}

}  // namespace aoe
