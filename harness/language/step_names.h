// The names that the steps of a scenario give, in the order in which they are read: a step may refer
// to those before it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml_map.h"
#include "proto/address.h"

namespace aoe::harness {

class StepNames {
 public:
  /// `device` and `sectors`: of the target that the steps are about.
  StepNames(std::string file, Address device, std::uint64_t sectors)
      : file(std::move(file)), device(device), sectors(sectors) {}

  // Each adds the name that a step's `id` gives. Throws YamlError where it is taken.
  void add_fault(YamlMap& map, const std::string& id) { add(map, faults_, id); }
  void add_io(YamlMap& map, const std::string& id) { add(map, ios_, id); }
  /// An empty id only counts as a frame that was sent.
  void add_frame(YamlMap& map, const std::string& id);
  /// An I/O that a later step has to name, for a fault to strike during it.
  void await_io(const std::string& id, const Mark& mark) { awaited_ios_.emplace_back(id, mark); }

  // Each throws YamlError at `node` where no step before has given that name.
  void check_fault(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  void check_io(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  /// An empty id means the frame sent last.
  void check_frame(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  /// After the last step: throws YamlError where an awaited I/O was not named.
  void finish() const;

  const std::string file;
  const Address device;
  const std::uint64_t sectors;

 private:
  static void add(YamlMap& map, std::set<std::string>& names, const std::string& id);

  std::set<std::string> faults_;
  std::set<std::string> ios_;
  std::vector<std::pair<std::string, Mark>> awaited_ios_;
  std::set<std::string> frames_;
  bool sent_ = false;  // some frame
};

}  // namespace aoe::harness
