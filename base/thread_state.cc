#include "base/thread_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/descriptor.h"

namespace aoe {
namespace {

/// Returns the beginning of a file of /proc; nothing where it can't be read.
std::string told_of(int thread, std::string_view name) {
  const Descriptor file(
      ::open(fmt::format("/proc/self/task/{}/{}", thread, name).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> room;
  const ssize_t size = ::read(file.get(), room.data(), room.size());
  return size > 0 ? std::string(room.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

bool is_blocked(int thread) {
  // "1234 (name) S …": the name may hold anything but is followed by the last parenthesis.
  const std::string stat = told_of(thread, "stat");
  const auto state = stat.rfind(')');
  if (state == std::string::npos || state + 2 >= stat.size()) return true;
  constexpr std::string_view not_blocked = "RTt";
  return not_blocked.find(stat[state + 2]) == std::string_view::npos;
}

std::string blocked_in(int thread) {
  const std::string function = told_of(thread, "wchan");
  return function == "0" ? std::string() : function;
}

}  // namespace aoe
