// The names that the steps of a scenario give, in the order in which they are read: a step may refer
// to those before it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml_map.h"
#include "harness/language/network.h"

namespace aoe::harness {

/// The names of one kind of thing.
class NameSet {
 public:
  /// `kind`: "fault".
  explicit NameSet(std::string_view kind) : kind_(kind) {}

  /// Adds the name that a step's `id` gives. Throws YamlError where it is taken.
  void add(YamlMap& map, const std::string& id);
  /// Throws YamlError at `node` where no step before has given that name.
  void check(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  const std::set<std::string>& all() const { return names_; }

 private:
  const std::string_view kind_;
  std::set<std::string> names_;
};

struct StepNames {
  /// An empty id only counts as a frame that was sent.
  void add_frame(YamlMap& map, const std::string& id);
  /// Throws YamlError as NameSet::check(). An empty id means the frame sent last.
  void check_frame(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  /// An I/O that a later step has to name, for a fault to strike during it.
  void await_io(const std::string& id, const Mark& mark) { awaited_ios.emplace_back(id, mark); }
  /// After the last step: throws YamlError where an awaited I/O was not named.
  void finish() const;

  const std::string file;
  const Network& network;
  NameSet faults{"fault"};
  NameSet ios{"io"};
  NameSet frames{"frame"};
  bool sent = false;  // some frame
  std::vector<std::pair<std::string, Mark>> awaited_ios{};
};

}  // namespace aoe::harness
