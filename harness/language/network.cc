#include "harness/language/network.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t pattern_size_max = judged_sectors_max * sector_size;
constexpr std::uint64_t disk_size_max = std::uint64_t{4} << 40;  // of zeros, which take no room
constexpr std::uint64_t ports_max = 1024;

const std::vector<std::string> role_words{"initiator", "target"};

std::set<std::string> as_set(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

std::uint16_t parse_mtu(YamlMap& map, std::uint16_t fallback) {
  const auto mtu = static_cast<std::uint16_t>(map.number("mtu", fallback, 0, 65535, "bytes"));
  if (sectors_per_frame(mtu) == 0)
    map.fail(map.require("mtu"), "mtu: expected room for a sector: 534 bytes or more");
  return mtu;
}

/// The disk of a LUN: `size` and `fill`, and a name for it where other LUNs have the same disk.
DiskIndex parse_disk(YamlMap& map, std::vector<Disk>& disks) {
  Disk disk;
  if (map.has("disk")) disk.name = map.name("disk");
  const auto same = std::ranges::find(disks, disk.name, &Disk::name);
  const bool is_known = !disk.name.empty() && same != disks.end();
  if (is_known) {
    for (const char* key : {"size", "fill"}) {
      if (!map.has(key)) continue;
      map.fail(
          map.require(key),
          fmt::format("{}: disk {} was described before; this LUN only names it", key, disk.name));
    }
    return static_cast<DiskIndex>(same - disks.begin());
  }
  const std::uint64_t size = map.size("size", 8 << 20);
  if (map.has("fill")) disk.fill_pattern = map.choice("fill", {"pattern", "zero"}) == 0;
  const bool fits = size <= (disk.fill_pattern ? pattern_size_max : disk_size_max);
  if (size == 0 || size % sector_size != 0 || !fits) {
    map.fail(map.require("size"),
             "size: expected whole sectors, 1GiB at most, or 4TiB with fill: zero");
  }
  disk.sectors = size / sector_size;
  disks.push_back(disk);
  return static_cast<DiskIndex>(disks.size() - 1);
}

/// A LUN, or as many as `luns` says at it and the next slots, each with a disk of its own.
/// `shelves`: so much is added to the shelf.
void parse_luns(YamlMap& map, unsigned shelves, std::vector<Lun>& luns, std::vector<Disk>& disks) {
  const std::uint64_t shelf = map.number("shelf", 1, 0, Address::any_shelf - 1) + shelves;
  if (shelf >= Address::any_shelf) map.fail(map.require("shelf"), "shelf: beyond the last, 65534");
  const std::uint64_t slot = map.number("slot", 1, 0, Address::any_slot - 1);
  const auto buffers = static_cast<std::uint16_t>(map.number("buffers", 16, 2, 65535));
  const std::uint64_t count = map.number("luns", 1, 1, Address::any_slot);
  if (slot + count > Address::any_slot)
    map.fail(map.require("luns"), "luns: beyond the last slot, 254");
  const DiskIndex first = parse_disk(map, disks);
  if (count > 1 && !disks[first].name.empty())
    map.fail(map.require("disk"), "disk: several LUNs of one target have disks of their own");
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) disks.push_back(Disk(disks[first]));
    const auto disk = static_cast<DiskIndex>(i == 0 ? first : disks.size() - 1);
    luns.push_back(
        {{static_cast<std::uint16_t>(shelf), static_cast<std::uint8_t>(slot + i)}, buffers, disk});
  }
}

/// What of a target is not about its LUNs.
void parse_looks(YamlMap& map, TargetRole& role, const std::vector<Disk>& disks) {
  if (map.has("says")) {
    YamlMap says = map.map("says");
    role.says = Says::parse(says);
    says.finish();
  }
  const std::uint64_t sectors = disks[role.luns.front().disk].sectors;
  if (map.has("base")) role.base = map.code("base", ata::lba48_sectors_max - sectors);
  role.paths = static_cast<unsigned>(map.number("paths", 1, 1, 2));
}

TargetRole parse_target(YamlMap& map, unsigned shelves, std::vector<Disk>& disks) {
  TargetRole role;
  if (map.has("luns") && map.require("luns").IsSequence()) {
    for (YamlMap& lun : map.maps("luns")) {
      parse_luns(lun, shelves, role.luns, disks);
      lun.finish();
    }
    if (role.luns.empty()) map.fail(map.require("luns"), "luns: expected some");
  } else {
    parse_luns(map, shelves, role.luns, disks);
  }
  for (const Lun& lun : role.luns) {
    if (std::ranges::count(role.luns, lun.address, &Lun::address) > 1)
      fail_at(map.mark(), fmt::format("{}: a target has one LUN at an address", lun.address));
  }
  parse_looks(map, role, disks);
  return role;
}

Segment parse_segment_of(YamlMap map, const std::string& name, std::uint16_t mtu) {
  Segment segment{.name = name, .mtu = parse_mtu(map, mtu)};
  segment.latency = map.duration("latency", {});
  if (map.has("rate")) segment.rate = parse_bit_rate(map, "rate");
  segment.queue = map.size("queue", 64 << 10);
  if (map.has("queue") && segment.rate == 0)
    map.fail(map.require("queue"), "queue: nothing waits where there is no rate");
  if (map.has("lost-above"))
    segment.lost_above =
        static_cast<std::uint32_t>(map.number("lost-above", 0, 60, 65535, "bytes"));
  segment.learns = !map.has("switch") || map.choice("switch", {"floods", "learns"}) == 1;
  segment.forward_delay = map.duration("forward-delay", {});
  map.finish();
  return segment;
}

/// The address of a port in the long form: its number counts from 1.
Mac mac_of(std::size_t port) {
  return {{0x02, 0, 0, 0x01, static_cast<std::uint8_t>((port + 1) >> 8),
           static_cast<std::uint8_t>(port + 1)}};
}

class NetworkReader {
 public:
  NetworkReader(YamlMap& scenario, std::uint16_t mtu) : scenario_(scenario), mtu_(mtu) {}

  Network read() && {
    if (scenario_.has("network")) {
      YamlMap segments = scenario_.map("network");
      for (const YAML::Node& key : segments.keys()) {
        network_.segments.push_back(
            parse_segment_of(segments.map(key.Scalar()), checked_name(segments, key), mtu_));
      }
      segments.finish();
    }
    if (network_.segments.empty()) network_.segments.push_back({.name = "lan", .mtu = mtu_});
    YamlMap nodes = scenario_.map("nodes");
    for (const YAML::Node& key : nodes.keys())
      add_nodes(nodes.map(key.Scalar()), checked_name(nodes, key));
    nodes.finish();
    for (const Node::Role role : {Node::Role::initiator, Node::Role::target}) {
      if (network_.all(role).empty())
        scenario_.fail(scenario_.require("nodes"),
                       "nodes: expected an initiator and a target, at least");
    }
    return std::move(network_);
  }

 private:
  static std::string checked_name(const YamlMap& map, const YAML::Node& key) {
    if (!is_name(key.Scalar())) map.fail(key, "expected a name of letters, digits and - _ .");
    return key.Scalar();
  }

  void add_nodes(YamlMap map, const std::string& name) {
    const bool is_target = map.choice("role", role_words) == 1;
    const std::uint64_t count = map.number("count", 1, 1, 255);
    for (unsigned i = 0; i < count; ++i) {
      Node node{.name = count == 1 ? name : fmt::format("{}{}", name, i + 1),
                .role = is_target ? Node::Role::target : Node::Role::initiator};
      if (network_.find(node.name))
        fail_at(map.mark(), fmt::format("there are two nodes named {}", node.name));
      node.ours = map.boolean("ours", false);
      if (is_target) {
        node.target = parse_target(map, i, network_.disks);
        if (node.target.paths > 1)
          map.fail(map.require("paths"), "paths: expected a target on two segments instead");
        node.standby = map.boolean("standby", false);
      }
      network_.nodes.push_back(std::move(node));
      add_ports(map);
    }
    map.finish();
  }

  /// Of the last node: one on each segment that it names.
  void add_ports(YamlMap& map) {
    std::vector<std::size_t> segments{0};
    if (map.has("on")) {
      std::vector<std::string> names;
      for (const Segment& segment : network_.segments) names.push_back(segment.name);
      segments = map.require("on").IsScalar() ? std::vector<std::size_t>{map.choice("on", names)}
                                              : map.choices("on", names);
    } else if (network_.segments.size() > 1) {
      map.require("on");
    }
    for (const std::size_t segment : segments) {
      if (network_.ports.size() == ports_max)
        fail_at(map.mark(), fmt::format("more than {} interfaces in all", ports_max));
      Port port{.node = static_cast<NodeIndex>(network_.nodes.size() - 1),
                .segment = static_cast<SegmentIndex>(segment),
                .mac = mac_of(network_.ports.size()),
                .mtu = parse_mtu(map, network_.segments[segment].mtu)};
      std::vector<PortIndex>& ports = network_.nodes.back().ports;
      if (network_.port_on(port.node, port.segment))
        map.fail(map.require("on"), "on: one interface on each segment");
      ports.push_back(static_cast<PortIndex>(network_.ports.size()));
      network_.ports.push_back(port);
    }
  }

  YamlMap& scenario_;
  const std::uint16_t mtu_;
  Network network_;
};

}  // namespace

std::string_view text(Node::Role role) {
  return role_words[static_cast<std::size_t>(role)];
}

Network Network::of_two(std::uint16_t mtu) {
  Network network;
  network.segments.push_back({.name = "link", .mtu = mtu});
  network.disks.push_back({});
  network.nodes.push_back(
      {.name = "initiator", .role = Node::Role::initiator, .ports = {initiator_port}});
  network.nodes.push_back({.name = "target",
                           .role = Node::Role::target,
                           .target = {.luns = {{}}},
                           .ports = {target_port}});
  network.ports.push_back({.node = 0, .mac = initiator_mac, .mtu = mtu});
  network.ports.push_back({.node = 1, .mac = target_mac, .mtu = mtu});
  return network;
}

NodeIndex Network::first(Node::Role role) const {
  return static_cast<NodeIndex>(std::ranges::find(nodes, role, &Node::role) - nodes.begin());
}

std::vector<NodeIndex> Network::all(Node::Role role) const {
  std::vector<NodeIndex> found;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].role == role) found.push_back(static_cast<NodeIndex>(i));
  }
  return found;
}

std::optional<NodeIndex> Network::find(std::string_view name) const {
  const auto found = std::ranges::find(nodes, name, &Node::name);
  if (found == nodes.end()) return std::nullopt;
  return static_cast<NodeIndex>(found - nodes.begin());
}

std::vector<std::string> Network::names(Node::Role role) const {
  std::vector<std::string> names;
  for (const NodeIndex node : all(role)) names.push_back(nodes[node].name);
  return names;
}

std::vector<std::string> Network::names() const {
  std::vector<std::string> names;
  for (const Node& node : nodes) names.push_back(node.name);
  return names;
}

std::optional<PortIndex> Network::port_on(NodeIndex node, SegmentIndex segment) const {
  for (const PortIndex port : nodes[node].ports) {
    if (ports[port].segment == segment) return port;
  }
  return std::nullopt;
}

std::optional<PortIndex> Network::port_towards(NodeIndex from, NodeIndex to) const {
  for (const PortIndex port : nodes[from].ports) {
    if (port_on(to, ports[port].segment)) return port;
  }
  return std::nullopt;
}

std::string Network::name_of(PortIndex port) const {
  const Node& node = node_of(port);
  if (node.ports.size() == 1) return node.name;
  return fmt::format("{} on {}", node.name, segments[ports[port].segment].name);
}

std::string Network::name_of(const Device& device) const {
  const bool one_target = all(Node::Role::target).size() == 1;
  return one_target ? fmt::format("{}", lun(device).address)
                    : fmt::format("{} of {}", lun(device).address, nodes[device.node].name);
}

Network parse_roles(YamlMap& roles, std::uint16_t mtu) {
  Network network = Network::of_two(mtu);
  network.disks.clear();
  YamlMap target = roles.map("target");
  network.nodes[1].target = parse_target(target, 0, network.disks);
  target.finish();
  return network;
}

Network parse_network(YamlMap& scenario, std::uint16_t mtu) {
  return NetworkReader(scenario, mtu).read();
}

NodeIndex parse_node(YamlMap& map, const std::string& key, const Network& network,
                     NodeIndex fallback) {
  if (!map.has(key)) return fallback;
  return static_cast<NodeIndex>(map.choice(key, network.names()));
}

NodeIndex parse_node(YamlMap& map, const std::string& key, const Network& network,
                     Node::Role role) {
  const std::vector<NodeIndex> nodes = network.all(role);
  if (!map.has(key)) return nodes.front();
  return nodes[map.choice(key, network.names(role))];
}

Device parse_device(YamlMap& map, const std::string& key, const Network& network) {
  if (!map.has(key)) return network.first_device();
  const std::string given = map.text(key);
  const std::size_t colon = given.find(':');
  const auto node = network.find(given.substr(0, colon));
  const auto address =
      parse_address(node ? given.substr(std::min(given.size(), colon + 1)) : given);
  const bool names_lun = !node || colon != std::string::npos;
  for (const NodeIndex target : network.all(Node::Role::target)) {
    if (node && *node != target) continue;
    const std::vector<Lun>& luns = network.nodes[target].target.luns;
    const auto lun = names_lun && address ? std::ranges::find(luns, *address, &Lun::address)
                     : names_lun          ? luns.end()
                                          : luns.begin();
    if (lun != luns.end()) return {target, static_cast<std::uint16_t>(lun - luns.begin())};
  }
  map.fail(map.require(key),
           fmt::format("{}: no target has '{}'; expected an address such as {}, or the name of a "
                       "target{}",
                       key, given, network.lun(network.first_device()).address,
                       did_you_mean(given, as_set(network.names(Node::Role::target)))));
}

SegmentIndex parse_segment(YamlMap& map, const std::string& key, const Network& network) {
  std::vector<std::string> names;
  for (const Segment& segment : network.segments) names.push_back(segment.name);
  return static_cast<SegmentIndex>(map.choice(key, names));
}

std::uint64_t parse_bit_rate(YamlMap& map, const std::string& key) {
  const std::string text = map.text(key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit =
      std::string_view(text).substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [word, bits] : {std::pair<std::string_view, std::uint64_t>{"bit", 1},
                                   {"kbit", 1000},
                                   {"Mbit", 1'000'000},
                                   {"Gbit", 1'000'000'000}}) {
    if (error == std::errc{} && number > 0 && number <= 1'000'000 && unit == word)
      return number * bits;
  }
  map.fail(map.require(key),
           fmt::format("{}: expected bits a second, such as 10Mbit or 64kbit", key));
}

}  // namespace aoe::harness
