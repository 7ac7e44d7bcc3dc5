// The groups of a configuration: names for Ethernet addresses, and for other groups.
//
// Used while a configuration is read. A group may stand in any file of it, before or after the one that
// names it. A name of ethers(5) is a group of one address, unless the configuration has a group of that name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/yaml_map.h"
#include "proto/address.h"

namespace aoe::target {

/// Every client, in lists of access and limits.
inline constexpr const char* everyone = "everyone";

/// Reads an address of a station. Throws a YamlError where it is none.
Mac mac_of(const YamlMap& map, const YAML::Node& item, const std::string& key);

/// Adds an address to a list that it is not in. Throws a YamlError where it is.
void add_mac(const YamlMap& map, const YAML::Node& item, const std::string& key, Mac mac,
             std::vector<Mac>& macs);

class Groups {
 public:
  /// `ethers`: a file of lines with an address and a name, which need not be there.
  explicit Groups(const std::string& ethers = "/etc/ethers");

  /// Takes the groups of one file. Throws a YamlError where a name can be none, or is there already.
  void take(YamlMap map);
  /// Finds the addresses of all groups. Throws a YamlError where a group is empty, contains itself, or
  /// has something that is neither an address nor a group.
  void resolve();

  /// Returns the addresses of a group, each once; null where there is none of this name.
  const std::vector<Mac>* find(const std::string& name) const;
  std::set<std::string> names() const;

 private:
  /// A group as it is written.
  struct Written {
    YamlMap map;  // of the groups of its file
    bool is_under_way = false;
  };
  const std::vector<Mac>& resolve(const std::string& name);

  std::map<std::string, Mac> ethers_;
  std::map<std::string, Written> written_;
  std::map<std::string, std::vector<Mac>> macs_;
};

}  // namespace aoe::target
