#include "base/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "base/descriptor.h"

namespace aoe {

bool drop_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  constexpr std::uint32_t kept = 1U << CAP_NET_RAW;
  sets[0] = {sets[0].effective & kept, sets[0].permitted & kept, 0};
  sets[1] = {};
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
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
