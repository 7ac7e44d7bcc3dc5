#include "target/admin/default_serial.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>

#include <fmt/format.h>

#include "base/fnv.h"

namespace aoe::target {

std::string default_serial(Address address, std::string_view host, std::string_view machine_id) {
  const std::string prefix = fmt::format("{}.{}:", address.shelf, address.slot);
  if (prefix.size() + host.size() <= serial_size_max) return fmt::format("{}{}", prefix, host);
  constexpr std::uint64_t ten_digits = 0xff'ffff'ffff;
  const std::uint64_t hash = fnv1a(fmt::format("{}\n{}", host, machine_id));
  return fmt::format("{}{:010x}", prefix, hash & ten_digits);
}

std::string default_serial(Address address) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string machine_id;
  std::ifstream("/etc/machine-id") >> machine_id;
  return default_serial(address, host.data(), machine_id);
}

}  // namespace aoe::target
