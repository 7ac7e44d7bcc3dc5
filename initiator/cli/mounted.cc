#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "initiator/cli/commands.h"
#include "initiator/cli/debug_paths.h"
#include "initiator/cli/facts.h"
#include "wire/interfaces.h"

namespace aoe::initiator {
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
  std::string debug{};  // empty where there is no debugfs

  /// The kernel's debugfs has targets and windows, but not which disk answers where.
  bool tells_paths() const { return debug.find("\tstanding:") != std::string::npos; }
  /// Returns what the files say; its texts are the files'. Where they tell no paths, it has one for each
  /// interface.
  DeviceStatus status() const {
    DeviceStatus status{.address = address,
                        .state = attributes.at("state"),
                        .sectors = std::stoull("0" + attributes.at("size")),
                        .read_only = attributes.at("ro") == "1",
                        .payload = std::stoull("0" + attributes.at("payload")),
                        .paths = parse_debug_paths(tells_paths() ? debug : "")};
    std::istringstream interfaces(tells_paths() ? "" : attributes.at("netif"));
    for (std::string name; std::getline(interfaces, name, ',');) {
      if (name != "none") status.paths.push_back({.interface = name});
    }
    return status;
  }
};

TreeDevice read_device(const std::string& folder, Address address) {
  TreeDevice device{.address = address};
  const std::string place = fmt::format("{}/sys/block/etherd!{}/", folder, address);
  for (const char* name : {"state", "size", "netif", "payload", "mac", "firmware-version"}) {
    device.attributes[name] = read_line(place + name);
  }
  // A mount of an earlier version has none.
  const std::string read_only = place + "ro";
  device.attributes["ro"] = ::access(read_only.c_str(), F_OK) == 0 ? read_line(read_only) : "0";
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

/// Throws Failed where no tree is mounted.
void require_tree(const std::string& folder) {
  const std::string etherd = folder + "/dev/etherd";
  if (::access(etherd.c_str(), F_OK) == 0) return;
  const bool is_missing = errno == ENOENT || errno == ENOTDIR;
  throw Failed(is_missing ? folder + ": no aoe-initiator mount has its tree there"
                          : system_message(etherd));
}

/// Returns what there is to know of a device, for a report.
ordered_json facts_of(const TreeDevice& device) {
  ordered_json lines = ordered_json::array();
  std::istringstream text(device.debug);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  ordered_json facts = stat_facts(device.status());
  facts.erase("paths");
  facts.update({{"mac", device.attributes.at("mac")},
                {"firmware-version", device.attributes.at("firmware-version")},
                {"debug", lines}});
  return facts;
}

/// Throws AnotherDisk if one of them is not alone at its address.
void check_no_other(const std::vector<TreeDevice>& devices) {
  for (const TreeDevice& device : devices) {
    const auto others = device.status().others();
    if (!others.empty()) {
      throw AnotherDisk(fmt::format("{}: another disk has this address, at {}", device.address,
                                    others.front().mac));
    }
  }
}

}  // namespace

void command_in_tree(const std::string& folder, std::string_view file, const std::string& line) {
  require_tree(folder);
  const std::string path = fmt::format("{}/dev/etherd/{}", folder, file);
  const Descriptor opened(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (opened.get() < 0) throw Failed(system_message(path));
  const std::string text = line + "\n";  // in one go, as the files of the tree want it
  const ssize_t written = ::write(opened.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw Failed(system_message(path));
}

void revalidate_in_tree(const std::string& folder, Address address) {
  require_tree(folder);
  if (read_devices(folder, address).empty()) {
    throw Failed(fmt::format("{}: not in the tree {}", address, folder));
  }
  command_in_tree(folder, "revalidate", fmt::format("{}", address));
  const auto devices = read_devices(folder, address);
  for (const TreeDevice& device : devices) {
    const auto size = device.status().size();
    fmt::print("{}: {} sectors, {} bytes\n", address, size / sector_size, size);
  }
  check_no_other(devices);
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
  require_tree(folder);
  const auto devices = read_devices(folder, only);
  ordered_json list = ordered_json::array();
  for (const TreeDevice& device : devices) {
    const DeviceStatus status = device.status();
    if (!options.json) fmt::print("{}\n", stat_line(status));
    list.push_back(stat_facts(status));
    if (!device.tells_paths()) list.back()["paths"] = list.back()["other-disks"] = nullptr;
  }
  if (options.json) print(list);
  if (devices.empty() && only) throw Failed(fmt::format("{}: not in the tree {}", *only, folder));
  if (devices.empty()) throw Failed(folder + ": the tree has no device");
  check_no_other(devices);
}

void sos_in_tree(const std::string& folder, std::string_view version) {
  require_tree(folder);
  ordered_json parameters;
  for (const char* name : {"aoe_deadsecs", "aoe_dyndevs", "aoe_iflist", "aoe_maxout"}) {
    parameters[name] = read_line(fmt::format("{}/sys/module/aoe/parameters/{}", folder, name));
  }
  const auto devices = read_devices(folder, std::nullopt);
  ordered_json list = ordered_json::array();
  for (const TreeDevice& device : devices) list.push_back(facts_of(device));
  print({{"version", version},
         {"system", system_text()},
         {"tree", folder},
         {"parameters", parameters},
         {"devices", list}});
  check_no_other(devices);
}

}  // namespace aoe::initiator
