#include "target/admin/groups.h"

#include <netinet/ether.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace aoe::target {

Mac mac_of(const YamlMap& map, const YAML::Node& item, const std::string& key) {
  const auto mac = parse_mac(item.Scalar());
  if (!mac) {
    map.fail(item, fmt::format("{}: expected an address such as 02:00:00:0a:0b:0c, got '{}'", key,
                               item.Scalar()));
  }
  if (mac->is_multicast()) {
    map.fail(item,
             fmt::format("{}: {} is a group address, which no frame has as its source", key, *mac));
  }
  return *mac;
}

void add_mac(const YamlMap& map, const YAML::Node& item, const std::string& key, Mac mac,
             std::vector<Mac>& macs) {
  if (std::ranges::find(macs, mac) != macs.end()) {
    map.fail(item, fmt::format("{}: {} is listed twice", key, mac));
  }
  macs.push_back(mac);
}

Groups::Groups(const std::string& ethers) {
  std::ifstream file(ethers);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    std::string name;
    ether_addr octets{};
    if (!(words >> address >> name) || ::ether_aton_r(address.c_str(), &octets) == nullptr)
      continue;
    Mac mac;
    std::ranges::copy(octets.ether_addr_octet, mac.octets.begin());
    if (!mac.is_multicast()) ethers_.emplace(name, mac);
  }
}

void Groups::take(YamlMap map) {
  for (const YAML::Node& key : map.keys()) {
    const std::string& name = key.Scalar();
    if (!is_name(name) || name == everyone) {
      map.fail(key, fmt::format("'{}' cannot name a group", name));
    }
    if (!written_.emplace(name, Written{map}).second) {
      map.fail(key, fmt::format("{}: another file has this group as well", name));
    }
  }
}

void Groups::resolve() {
  for (const auto& entry : written_) resolve(entry.first);
  for (const auto& [name, mac] : ethers_) macs_.try_emplace(name, std::vector{mac});
}

const std::vector<Mac>& Groups::resolve(const std::string& name) {
  if (const auto found = macs_.find(name); found != macs_.end()) return found->second;
  Written& written = written_.at(name);
  YamlMap& map = written.map;
  written.is_under_way = true;
  std::vector<Mac> macs;
  for (const YAML::Node& item : map.items(name)) {
    const auto inner = written_.find(item.Scalar());
    if (inner == written_.end()) {
      const auto known = ethers_.find(item.Scalar());
      const Mac mac = known != ethers_.end() ? known->second : mac_of(map, item, name);
      add_mac(map, item, name, mac, macs);
      continue;
    }
    if (inner->second.is_under_way) {
      map.fail(item, fmt::format("{}: the group contains itself, by {}", name, item.Scalar()));
    }
    for (const Mac mac : resolve(item.Scalar())) {
      if (std::ranges::find(macs, mac) == macs.end()) macs.push_back(mac);
    }
  }
  // An empty list would admit everyone.
  if (macs.empty()) map.fail(map.require(name), fmt::format("{}: the group is empty", name));
  written.is_under_way = false;
  return macs_.emplace(name, std::move(macs)).first->second;
}

const std::vector<Mac>* Groups::find(const std::string& name) const {
  const auto found = macs_.find(name);
  return found == macs_.end() ? nullptr : &found->second;
}

std::set<std::string> Groups::names() const {
  std::set<std::string> names;
  for (const auto& entry : macs_) names.insert(entry.first);
  return names;
}

}  // namespace aoe::target
