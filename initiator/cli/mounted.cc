#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "initiator/cli/commands.h"
#include "initiator/cli/facts.h"

namespace aoe::initiator {
#include "wire/interfaces.h"
namespace {

using nlohmann::ordered_json;

/// Throws Failed where it can't be read.
std::string read_text(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Failed(system_message(path));
  std::string text;
  std::array<char, 4096> piece;
  ssize_t size = 0;
  while ((size = ::read(file.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
  if (size < 0) throw Failed(system_message(path));
  return text;
}

/// Returns the content of an attribute or a parameter, without its newline.
std::string read_line(const std::string& path) {
  const std::string text = read_text(path);
  return text.substr(0, text.find('\n'));
}

/// What the files of a tree say of one device.
struct TreeDevice {
  Address address{};
  std::map<std::string, std::string> attributes{};
  std::string debug{};  // empty: the tree is the kernel's, and has its debugfs elsewhere

  std::uint64_t size() const { return std::stoull("0" + attributes.at("size")) * sector_size; }
  std::uint64_t payload() const { return std::stoull("0" + attributes.at("payload")); }
  /// Empty: no path leads to it.
  std::vector<std::string> interfaces() const {
    std::vector<std::string> names;
    std::istringstream list(attributes.at("netif"));
    for (std::string name; std::getline(list, name, ',');) {
      if (name != "none") names.push_back(name);
    }
    return names;
  }
  /// Returns the MAC address of another disk at this address; nothing when there is none.
  std::optional<std::string> other_disk() const {
    std::istringstream lines(debug);
    std::string target;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('\t')) target = line.substr(0, line.find(':'));
      if (line != "\tstanding:foreign") continue;
      for (std::size_t octet = target.size() / 2; octet > 1; --octet)
        target.insert(2 * octet - 2, ":");
      return target;
    }
    return std::nullopt;
  }
};

TreeDevice read_device(const std::string& folder, Address address) {
  TreeDevice device{.address = address};
  for (const char* name : {"state", "size", "netif", "payload", "mac", "firmware-version"}) {
    device.attributes[name] =
        read_line(fmt::format("{}/sys/block/etherd!{}/{}", folder, address, name));
  }
  const std::string debug = fmt::format("{}/sys/kernel/debug/aoe/{}", folder, address);
  if (::access(debug.c_str(), R_OK) == 0) device.debug = read_text(debug);
  return device;
}

/// Returns the devices of a tree by address, or the one of that address.
std::vector<TreeDevice> read_devices(const std::string& folder, std::optional<Address> only) {
  const std::string place = folder + "/sys/block";
  std::error_code error;
  std::vector<Address> found;
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    constexpr std::string_view prefix = "etherd!";
    const std::string name = entry.path().filename();
    if (!name.starts_with(prefix)) continue;
    const auto address = parse_address(name.substr(prefix.size()));
    if (address && (!only || *address == *only)) found.push_back(*address);
  }
  if (error) throw Failed(fmt::format("{}: {}", place, error.message()));
  std::ranges::sort(found);
  std::vector<TreeDevice> devices;
  devices.reserve(found.size());
  for (const Address address : found) devices.push_back(read_device(folder, address));
  return devices;
}

ordered_json facts_of(const TreeDevice& device) {
  ordered_json lines = ordered_json::array();
  std::istringstream text(device.debug);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return {{"device", fmt::format("{}", device.address)},
          {"size", device.size()},
          {"interfaces", device.interfaces()},
          {"payload", device.payload()},
          {"state", device.attributes.at("state")},
          {"mac", device.attributes.at("mac")},
          {"firmware-version", device.attributes.at("firmware-version")},
          {"debug", lines}};
}

ordered_json facts_of(const std::vector<TreeDevice>& devices) {
  ordered_json list = ordered_json::array();
  for (const TreeDevice& device : devices) list.push_back(facts_of(device));
  return list;
}

}  // namespace

void command_in_tree(const std::string& folder, std::string_view file, const std::string& line) {
  const std::string path = fmt::format("{}/dev/etherd/{}", folder, file);
  const Descriptor opened(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (opened.get() < 0) throw Failed(system_message(path));
  const std::string text = line + "\n";  // in one go, as the files of the tree want it
  const ssize_t written = ::write(opened.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw Failed(system_message(path));
}

void interfaces_in_tree(const std::string& folder, const std::vector<std::string>& interfaces) {
  if (!interfaces.empty()) {
    command_in_tree(folder, "interfaces", fmt::format("{}", fmt::join(interfaces, " ")));
    return complain_of_unmatched(interfaces);
  }
  require_tree(folder);
  const std::string list = read_text(folder + "/sys/module/aoe/parameters/aoe_iflist");
  fmt::print("{}", list);
  complain_of_unmatched(parse_interfaces(list).value_or(interfaces));
}

void stat_in_tree(const CommandOptions& options, const std::string& folder,
                  std::optional<Address> only) {
  const auto devices = read_devices(folder, only);
  if (options.json) print(facts_of(devices));
  for (const TreeDevice& device : devices) {
    if (options.json) break;
    fmt::print("{}\n", stat_line(device.address, device.size(), device.interfaces(),
                                 device.payload(), device.attributes.at("state")));
  }
  if (devices.empty() && only) throw Failed(fmt::format("{}: not in the tree {}", *only, folder));
  if (devices.empty()) throw Failed(folder + ": the tree has no device");
  for (const TreeDevice& device : devices) {
    if (const auto mac = device.other_disk()) {
      throw AnotherDisk(
          fmt::format("{}: another disk has this address, at {}", device.address, *mac));
    }
  }
}

void sos_in_tree(const std::string& folder, std::string_view version) {
  ordered_json parameters;
  for (const char* name : {"aoe_deadsecs", "aoe_dyndevs", "aoe_iflist", "aoe_maxout"}) {
    parameters[name] = read_line(fmt::format("{}/sys/module/aoe/parameters/{}", folder, name));
  }
  print({{"version", version},
         {"system", system_text()},
         {"tree", folder},
         {"parameters", parameters},
         {"devices", facts_of(read_devices(folder, std::nullopt))}});
}

}  // namespace aoe::initiator
