#include "harness/language/fault_spec.h"

#include <array>

#include <fmt/format.h>

#include "config/yaml_map.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t disk_sectors_max = ata::lba48_sectors_max;

Mac parse_mac_of(YamlMap& map) {
  const auto mac = parse_mac(map.text("mac"));
  if (!mac || mac->is_multicast() || *mac == Mac{}) {  // no interface takes these
    map.fail(map.require("mac"), "mac: expected a quoted address such as \"02:00:00:00:00:99\"");
  }
  return *mac;
}

/// The interface of the node `end` on the segment `on`.
PortIndex parse_port(YamlMap& map, const Network& network) {
  const NodeIndex node = parse_node(map, "end", network, network.first(Node::Role::target));
  if (!map.has("on")) return network.nodes[node].ports.front();
  const auto port = network.port_on(node, parse_segment(map, "on", network));
  if (port) return *port;
  map.fail(map.require("on"),
           fmt::format("on: {} has no interface there", network.nodes[node].name));
}

/// The name that an interface gets.
std::string parse_name(YamlMap& map) {
  constexpr std::size_t name_size_max = 15;  // of Linux
  std::string name = map.has("name") ? map.text("name") : "renamed0";
  const bool is_fit = !name.empty() && name.size() <= name_size_max && name != "." &&
                      name != ".." && name.find_first_of("/: \t%") == std::string::npos;
  if (!is_fit) map.fail(map.require("name"), "name: expected that of an interface, such as lan0");
  return name;
}

NodeIndex parse_target_end(YamlMap& map, const Network& network) {
  return parse_node(map, "end", network, Node::Role::target);
}

DelaySpec parse_delay(YamlMap& map) {
  const DelaySpec delay{map.duration("by", {}), map.duration("jitter", {})};
  if (delay.by + delay.jitter == Duration{}) {
    fail_at(map.mark(), "arm: expected a time: by, jitter or both");
  }
  return delay;
}

/// Calls `found` for each field in the mapping of that key, with its value.
template <class Found>
void read_fault_fields(YamlMap& map, const std::string& key, Found found) {
  if (!map.has(key)) return;
  YamlMap fields = map.map(key);
  for (const layout::Row& row : layout::rows) {
    const std::string name(row.fault);
    if (!name.empty() && fields.has(name)) found(row.field, fields.code(name, row.most()));
  }
  fields.finish();
}

CorruptSpec parse_corrupt(YamlMap& map) {
  CorruptSpec corrupt;
  for (const bool invert : {false, true}) {
    read_fault_fields(map, invert ? "xor" : "set", [&](Field field, std::uint64_t value) {
      corrupt.changes.push_back({field, value, invert});
    });
  }
  if (corrupt.changes.empty()) {
    fail_at(map.mark(), "arm: expected fields, such as set: {version: 3} or xor: {tag: 1}");
  }
  return corrupt;
}

CountSpec parse_count(YamlMap& map) {
  using Relation = CountSpec::Relation;
  CountSpec count;
  for (const auto& [key, relation] : {std::pair("has", Relation::has),
                                      {"lacks", Relation::lacks},
                                      {"above", Relation::above},
                                      {"below", Relation::below}}) {
    read_fault_fields(map, key, [&count, relation = relation](Field field, std::uint64_t value) {
      count.conditions.push_back({field, relation, value});
    });
  }
  if (map.has("shorter"))
    count.shorter = static_cast<std::uint32_t>(map.number("shorter", 0, 1, 65535, "bytes"));
  return count;
}

RateSpec parse_rate(YamlMap& map) {
  const std::uint64_t bits = parse_bit_rate(map, "at");
  return {bits, map.size("queue", 64 << 10)};
}

KillSpec parse_kill(YamlMap& map, const Network& network) {
  KillSpec kill{parse_target_end(map, network), {}};
  if (map.has("restart-after")) kill.restart_after = map.duration("restart-after", {});
  return kill;
}

DiskFaults parse_disk_faults(YamlMap& map) {
  DiskFaults faults;
  if (map.has("op")) {
    faults.reads = faults.writes = false;
    for (const std::size_t op : map.choices("op", {"read", "write", "flush"})) {
      (op == 0 ? faults.reads : op == 1 ? faults.writes : faults.flushes) = true;
    }
  }
  if (map.has("lba")) {
    const Range range = Range::parse(map, "lba");
    if (range.last >= disk_sectors_max)
      map.fail(map.require("lba"), "lba: beyond any disk: 2^48 sectors at most");
    faults.lba = range.first;
    faults.sectors = range.last - range.first + 1;
  }
  faults.count = map.number("count", faults.count, 1, UINT64_MAX);
  return faults;
}

/// Kinds, by their place among the words.
FaultSpec::Kind parse_kind(std::size_t kind, YamlMap& map, const Network& network) {
  switch (kind) {
    case 0: return DropSpec{};
    case 1: {
      const auto copies = static_cast<std::uint32_t>(map.number("copies", 1, 1, 100));
      return DuplicateSpec{copies, map.duration("spread", {})};
    }
    case 2: return parse_delay(map);
    case 3: return ReorderSpec{map.duration("by", milliseconds(1))};
    case 4: return parse_corrupt(map);
    case 5:
      map.require("to");
      return TruncateSpec{static_cast<std::uint32_t>(map.number("to", 0, 14, 65535, "bytes"))};
    case 6: return PartitionSpec{};
    case 7: return parse_rate(map);
    case 8: return MacChangeSpec{parse_mac_of(map), parse_port(map, network)};
    case 9: return LinkDownSpec{parse_port(map, network)};
    case 10:
      map.require("mtu");
      return MtuSpec{static_cast<std::uint16_t>(map.number("mtu", 0, 68, 65535, "bytes")),
                     parse_port(map, network)};
    case 11: return PauseSpec{parse_target_end(map, network)};
    case 12: return parse_kill(map, network);
    case 13: {
      DiskErrorSpec failing{parse_device(map, "to", network), parse_disk_faults(map)};
      static constexpr std::array errors{EIO, ENOSPC, ENODEV};
      if (map.has("error"))
        failing.faults.error = errors.at(map.choice("error", {"io", "full", "gone"}));
      return failing;
    }
    case 14: {
      SlowDiskSpec slow{parse_device(map, "to", network), parse_disk_faults(map)};
      map.require("by");
      slow.faults.delay = map.duration("by", {});
      if (slow.faults.delay == Duration{}) map.fail(map.require("by"), "by: expected some time");
      return slow;
    }
    case 15: {
      InterfaceGoneSpec gone{.port = parse_port(map, network), .to = {}};
      if (map.has("to")) gone.to = parse_segment(map, "to", network);
      return gone;
    }
    case 16: return InterfaceRenamedSpec{parse_name(map), parse_port(map, network)};
    default: return parse_count(map);
  }
}

}  // namespace

const std::vector<std::string>& fault_words() {
  static const std::vector<std::string> words{"drop",
                                              "duplicate",
                                              "delay",
                                              "reorder",
                                              "corrupt",
                                              "truncate",
                                              "partition",
                                              "rate",
                                              "mac-change",
                                              "link-down",
                                              "mtu",
                                              "pause",
                                              "kill",
                                              "disk-error",
                                              "slow-disk",
                                              "interface-gone",
                                              "interface-renamed",
                                              "count"};
  static_assert(std::variant_size_v<FaultSpec::Kind> == 18, "a word for each");
  return words;
}

const std::string& FaultSpec::word() const {
  return fault_words()[kind.index()];
}

bool FaultSpec::strikes_frames() const {
  return kind.index() < frame_fault_count || std::holds_alternative<CountSpec>(kind);
}

bool DiskFaults::strikes(std::uint64_t offset, std::uint64_t size) const {
  const std::uint64_t first = offset / sector_size;
  const std::uint64_t end = (offset + size + sector_size - 1) / sector_size;
  return first < lba ? end > lba : first - lba < sectors;
}

FaultSpec FaultSpec::parse(YamlMap& map, const Network& network) {
  FaultSpec spec;
  const std::size_t kind = map.choice("fault", fault_words());
  spec.id = map.name("id");
  spec.kind = parse_kind(kind, map, network);
  if (spec.strikes_frames()) spec.selector = Selector::parse(map, network);
  map.finish();
  return spec;
}

}  // namespace aoe::harness
