#include "harness/faults/fault.h"

#include <fmt/format.h>

#include "config/yaml_map.h"
#include "harness/faults/drop.h"
#include "harness/faults/duplicate.h"
#include "harness/faults/partition.h"
#include "harness/faults/reorder.h"

namespace aoe::harness {
namespace {

Match parse_match(YamlMap map) {
  Match match;
  if (map.has("direction")) {
    const bool to_target = map.choice("direction", {"to-target", "to-initiator"}) == 0;
    match.direction = to_target ? Direction::to_target : Direction::to_initiator;
  }
  if (map.has("command")) {
    const auto choice =
        map.choice("command", {"ata", "read", "write", "flush", "identify", "config"});
    match.traffic = static_cast<Traffic>(choice + 1);
  }
  map.finish();
  return match;
}

Selector parse_selector(YamlMap& map) {
  Selector selector;
  if (map.has("match")) selector.match = parse_match(map.map("match"));
  if (map.has("nth")) selector.nth = map.number("nth", 1, 1, UINT64_MAX);
  if (map.has("every")) selector.every = map.number("every", 1, 1, UINT64_MAX);
  if (map.has("probability")) selector.probability = map.fraction("probability");
  const int given =
      selector.nth.has_value() + selector.every.has_value() + selector.probability.has_value();
  if (given > 1) fail_at(map.mark(), "arm: at most one of nth, every and probability");
  return selector;
}

Mac parse_mac_of(YamlMap& map) {
  const auto mac = parse_mac(map.text("mac"));
  if (!mac || mac->is_multicast() || *mac == Mac{}) {  // no interface takes these
    map.fail(map.require("mac"), "mac: expected a quoted address such as \"02:00:00:00:00:99\"");
  }
  return *mac;
}

}  // namespace

std::string_view text(Direction direction) {
  return direction == Direction::to_target ? "to-target" : "to-initiator";
}

FaultSpec FaultSpec::parse(YamlMap& map) {
  FaultSpec spec;
  const auto kind =
      map.choice("fault", {"drop", "duplicate", "reorder", "partition", "mac-change"});
  spec.id = map.name("id");
  if (kind != 4) spec.selector = parse_selector(map);
  switch (kind) {
    case 0: spec.kind = DropSpec{}; break;
    case 1: spec.kind = DuplicateSpec{}; break;
    case 2: spec.kind = ReorderSpec{map.duration("by", std::chrono::milliseconds(1))}; break;
    case 3: spec.kind = PartitionSpec{}; break;
    default: spec.kind = MacChangeSpec{parse_mac_of(map)}; break;
  }
  map.finish();
  return spec;
}

bool Fault::selects(const Passing& passing, Random& random) {
  const Match& match = selector_.match;
  if (match.direction && *match.direction != passing.direction) return false;
  const bool is_ata = passing.traffic != Traffic::any && passing.traffic != Traffic::config;
  if (match.traffic != Traffic::any && match.traffic != passing.traffic &&
      !(match.traffic == Traffic::ata && is_ata)) {
    return false;
  }
  ++matched_;
  if (selector_.nth) return matched_ == *selector_.nth;
  if (selector_.every) return matched_ % *selector_.every == 0;
  if (selector_.probability) {
    constexpr double range = 1.0 / static_cast<double>(1ULL << 53);
    return static_cast<double>(random() >> 11) * range < *selector_.probability;
  }
  return true;
}

bool Fault::meet(Passing& passing, Random& random) {
  if (!selects(passing, random)) return false;
  ++hits_;
  strike(passing);
  return true;
}

std::unique_ptr<Fault> make_fault(const FaultSpec& spec) {
  struct Make {
    const FaultSpec& spec;
    std::unique_ptr<Fault> operator()(const DropSpec&) const {
      return std::make_unique<DropFault>(spec.id, spec.selector);
    }
    std::unique_ptr<Fault> operator()(const DuplicateSpec&) const {
      return std::make_unique<DuplicateFault>(spec.id, spec.selector);
    }
    std::unique_ptr<Fault> operator()(const ReorderSpec& reorder) const {
      return std::make_unique<ReorderFault>(spec.id, spec.selector, reorder);
    }
    std::unique_ptr<Fault> operator()(const PartitionSpec&) const {
      return std::make_unique<PartitionFault>(spec.id, spec.selector);
    }
    std::unique_ptr<Fault> operator()(const MacChangeSpec&) const { return nullptr; }
  };
  return std::visit(Make{spec}, spec.kind);
}

}  // namespace aoe::harness
