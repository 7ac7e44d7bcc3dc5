#include "initiator/mount/ownership.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <limits>

namespace aoe::initiator {
namespace {

template <class Number>
std::optional<Number> parse_number(const std::string& text, int base, Number most) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stopped != end || number > most) return std::nullopt;
  return number;
}

/// The last number stands for nobody in the kernel.
constexpr std::uint32_t number_max = std::numeric_limits<std::uint32_t>::max() - 1;

}  // namespace

Ownership Ownership::of_process() {
  Ownership result{.owner = ::geteuid(), .group = ::getegid()};
  if (result.owner == 0) result.group = parse_group("disk").value_or(result.group);
  return result;
}

std::optional<uid_t> parse_user(const std::string& text) {
  if (const passwd* const entry = ::getpwnam(text.c_str())) return entry->pw_uid;
  return parse_number<uid_t>(text, 10, number_max);
}

std::optional<gid_t> parse_group(const std::string& text) {
  if (const group* const entry = ::getgrnam(text.c_str())) return entry->gr_gid;
  return parse_number<gid_t>(text, 10, number_max);
}

std::optional<mode_t> parse_mode(const std::string& text) {
  return parse_number<mode_t>(text, 8, 0777);
}

}  // namespace aoe::initiator
