#include "initiator/mount/attributes.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "initiator/mount/debug_text.h"
#include "wire/interfaces.h"

namespace aoe::initiator {
namespace {

using Kind = Node::Kind;

constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view none = "none";  // what the driver says for a device without targets

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  while (true) {
    const std::size_t start = text.find_first_not_of(white_space);
    if (start == std::string_view::npos) return found;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(white_space), text.size());
    found.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string mac_of(const DeviceStatus& device) {
  if (device.paths.empty()) return std::string(none);
  return fmt::format("{:02x}", fmt::join(device.paths.front().mac.octets, ""));
}

std::string interfaces_of(const DeviceStatus& device) {
  std::vector<std::string_view> names;
  for (const PathStatus& path : device.paths) {
    if (path.is_foreign()) continue;
    if (std::ranges::find(names, path.interface) == names.end()) names.push_back(path.interface);
  }
  return names.empty() ? std::string(none) : fmt::format("{}", fmt::join(names, ","));
}

std::optional<Command> parse_flush(const std::vector<std::string>& words) {
  if (words.empty()) return Command{Command::Kind::forget_down};
  if (words.front() == "all") return Command{Command::Kind::forget_all};
  if (const auto device = parse_address(words.front())) {
    return Command{Command::Kind::forget, *device};
  }
  return std::nullopt;
}

/// A command that sets a parameter, if `word` is a number in its range.
std::optional<Command> set(Command::Kind kind, std::string_view word, unsigned smallest,
                           unsigned largest) {
  unsigned value = 0;
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stopped != end || value < smallest || value > largest) {
    return std::nullopt;
  }
  return Command{.kind = kind, .value = value};
}

}  // namespace

std::string show(Kind kind, const DeviceStatus& device) {
  switch (kind) {
    case Kind::debug_disk: return debug_text(device);
    case Kind::max_hw_sectors_kb:
    case Kind::max_sectors_kb: return fmt::format("{}\n", device.payload / 1024);
    case Kind::firmware_version: return fmt::format("0x{:04x}\n", device.firmware);
    case Kind::mac: return mac_of(device) + "\n";
    case Kind::netif: return interfaces_of(device) + "\n";
    case Kind::payload: return fmt::format("{}\n", device.payload);
    case Kind::ro: return fmt::format("{:d}\n", device.read_only);
    case Kind::size: return fmt::format("{}\n", device.sectors);
    case Kind::state: return fmt::format("{}\n", device.state);
    default: AOE_CHECK(false && "not an attribute of a device");
  }
}

std::string show(Kind kind, const Parameters& parameters, const Settings& settings) {
  switch (kind) {
    case Kind::aoe_deadsecs: return fmt::format("{}\n", parameters.deadsecs.count());
    case Kind::aoe_dyndevs: return fmt::format("{}\n", parameters.dyndevs ? 1 : 0);
    case Kind::aoe_iflist: return fmt::format("{}\n", fmt::join(settings.interfaces, " "));
    case Kind::aoe_maxout: return fmt::format("{}\n", parameters.maxout);
    default: AOE_CHECK(false && "not a parameter");
  }
}

std::optional<Command> parse_command(Kind kind, std::string_view text) {
  if (kind == Kind::discover) return Command{Command::Kind::discover};
  if (kind == Kind::interfaces || kind == Kind::aoe_iflist) {
    const auto names = parse_interfaces(text);
    if (!names) return std::nullopt;
    return Command{.kind = Command::Kind::set_interfaces, .names = *names};
  }
  const std::vector<std::string> given = words(text);
  if (given.size() > 1) return std::nullopt;
  if (kind == Kind::flush) return parse_flush(given);

  if (given.empty()) return std::nullopt;
  const std::string& word = given.front();
  switch (kind) {
    case Kind::revalidate:
      if (const auto device = parse_address(word)) {
        return Command{Command::Kind::revalidate, *device};
      }
      return std::nullopt;
    case Kind::aoe_deadsecs: return set(Command::Kind::set_deadsecs, word, 0, 1'000'000);
    case Kind::aoe_maxout: return set(Command::Kind::set_maxout, word, 1, UINT16_MAX);
    case Kind::aoe_dyndevs: return set(Command::Kind::set_dyndevs, word, 0, 1);
    default: return std::nullopt;
  }
}

}  // namespace aoe::initiator
