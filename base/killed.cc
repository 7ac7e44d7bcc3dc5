#include "base/killed.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/descriptor.h"

namespace aoe {
namespace {

constexpr unsigned exiting_flag = 0x4;  // PF_EXITING of the kernel

std::string text_of(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> room;
  const ssize_t size = ::read(file.get(), room.data(), room.size());
  return size > 0 ? std::string(room.data(), static_cast<std::size_t>(size)) : std::string();
}

/// The number after `name` in /proc/N/status; 0 if it is not there.
std::uint64_t number_after(std::string_view status, std::string_view name, int base) {
  std::uint64_t number = 0;
  const auto line = status.find(name);
  if (line == std::string_view::npos) return number;
  const auto begin = status.find_first_not_of(" \t", line + name.size());
  if (begin == std::string_view::npos) return number;
  std::from_chars(status.data() + begin, status.data() + status.size(), number, base);
  return number;
}

bool is_exiting(const std::string& folder) {
  // "1234 (name) S 1 1 1 0 -1 4194304 …": the ninth field are the flags, the seventh after the name.
  const std::string stat = text_of(folder + "/stat");
  std::size_t at = stat.rfind(')');
  for (int field = 0; field < 7 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  unsigned flags = 0;
  if (at == std::string::npos) return false;
  std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), flags);
  return (flags & exiting_flag) != 0;
}

}  // namespace

bool is_being_killed(int thread) {
  const std::string folder = fmt::format("/proc/{}", thread);
  const std::string status = text_of(folder + "/status");
  // A signal that ends the process reaches each of its threads as SIGKILL.
  if (number_after(status, "\nSigPnd:", 16) >> (SIGKILL - 1) & 1) return true;
  if (!is_exiting(folder)) return false;
  std::error_code error;
  const auto process = number_after(status, "\nTgid:", 10);
  for (const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process), error)) {
    if (!is_exiting(entry.path())) return false;
  }
  return !error;
}

}  // namespace aoe
