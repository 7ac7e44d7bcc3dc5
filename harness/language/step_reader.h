// Reads a scenario's steps, one after another: each may refer to those before it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "harness/language/scenario.h"

namespace aoe {
class YamlMap;
}

namespace aoe::harness {

class StepReader {
 public:
  StepReader(std::string file, const TargetRole& target)
      : file_(std::move(file)), target_(target) {}

  /// Throws YamlError.
  Step read(const YAML::Node& node);
  /// After the last one: what a step said of later ones is so.
  void finish() const;

 private:
  DiscoverStep discover(YamlMap map);
  WarmupStep warmup(YamlMap map) const;
  ArmStep arm(YamlMap map);
  HealStep heal(YamlMap& map) const;
  IoStep io(YamlMap map);
  std::uint64_t span(YamlMap& map, const IoStep& step) const;
  SendStep send(YamlMap map);
  ScapyStep scapy(YamlMap map) const;
  AliveStep alive(YamlMap map) const;
  ExpectStep expect(YamlMap map);
  ExpectIo expect_io(YamlMap map);
  ExpectRetransmit expect_retransmit(YamlMap map) const;
  ExpectOutstanding expect_outstanding(YamlMap map) const;
  std::optional<Happening> happening(YamlMap& map, const std::string& key) const;
  ExpectHits expect_hits(YamlMap map) const;
  void check_sent(const YamlMap& map, const YAML::Node& node, const std::string& id) const;
  void check_size(const YamlMap& map, std::string_view what, const IoStep& step) const;

  const std::string file_;
  const TargetRole target_;
  std::set<std::string> faults_;
  std::set<std::string> ios_;
  std::vector<std::pair<std::string, Mark>> awaited_ios_;  // that faults are to strike during
  std::set<std::string> frames_;
  bool sent_ = false;  // some frame
};

}  // namespace aoe::harness
