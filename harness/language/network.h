// Who plays in a scenario, and what lies between them: nodes, which are initiators and targets, and
// the segments that their interfaces are on. A segment is a switch with one port for each of these.
//
// A scenario writes it as `network:` and `nodes:`, or in short as `roles:`: one node named initiator
// and one named target, on one segment. Plain data with indices into its own lists, so that it can
// be copied; the same in all worlds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_map.h"
#include "harness/language/says.h"
#include "proto/address.h"

namespace aoe::harness {

using NodeIndex = std::uint16_t;     // of Network::nodes
using SegmentIndex = std::uint16_t;  // of Network::segments
/// Of Network::ports: an interface of a node, which is a port of its segment's switch.
using PortIndex = std::uint16_t;
using DiskIndex = std::uint16_t;  // of Network::disks

/// The nodes and ports of the short form.
inline constexpr NodeIndex initiator_node = 0;
inline constexpr NodeIndex target_node = 1;
inline constexpr PortIndex initiator_port = 0;
inline constexpr PortIndex target_port = 1;
/// The addresses of its two ends as a scenario begins.
inline constexpr Mac initiator_mac{{0x02, 0, 0, 0, 0, 0x01}};
inline constexpr Mac target_mac{{0x02, 0, 0, 0, 0, 0x02}};

/// A larger disk is only judged where a scenario says what it holds, and takes no `io`: 1 GiB.
inline constexpr std::uint64_t judged_sectors_max = 2 << 20;

/// A disk. Targets that have LUNs of one disk serve the same bytes.
struct Disk {
  std::string name{};  // empty: its only LUN's own
  std::uint64_t sectors = 0;
  bool fill_pattern = true;  // else zeros
};

struct Lun {
  Address address{1, 1};
  std::uint16_t buffers = 16;
  DiskIndex disk = 0;
};

/// What a target serves, and how it looks to its clients (world/guise.h).
struct TargetRole {
  std::vector<Lun> luns;  // one at least
  Says says{};
  std::uint64_t base = 0;  // the LBA of the first sector; before it there are none
  unsigned paths = 1;      // addresses at which it answers
};

struct Node {
  enum class Role : std::uint8_t { initiator, target };

  std::string name;
  Role role = Role::initiator;
  bool ours = false;     // whatever is tested; else what is tested plays all nodes of its role
  bool standby = false;  // a target that serves nothing until it is promoted
  TargetRole target{};   // of a target
  std::vector<PortIndex> ports{};  // one for each segment that it is on
};
/// "initiator", "target".
std::string_view text(Node::Role role);

struct Segment {
  std::string name{};
  std::uint16_t mtu = 1500;  // of the interfaces on it, where their nodes say nothing else
  Duration latency{};        // of every frame, beyond the world's own
  std::uint64_t rate = 0;    // bits a second out of each port; 0: any
  std::uint64_t queue = 0;   // bytes that may wait for that; what finds no room is lost
  std::uint32_t lost_above = UINT32_MAX;  // frames longer than this are lost unseen
  bool learns = true;        // sends a frame where its destination was seen last, else everywhere
  Duration forward_delay{};  // a port that comes up carries nothing for so long, as with STP
};

struct Port {
  NodeIndex node = 0;
  SegmentIndex segment = 0;
  Mac mac{};  // as the scenario begins
  std::uint16_t mtu = 1500;
};

/// A LUN of a certain target, as steps mean it.
struct Device {
  NodeIndex node = target_node;
  std::uint16_t lun = 0;  // of the node's

  bool operator==(const Device&) const = default;
};

struct Network {
  std::vector<Segment> segments;
  std::vector<Disk> disks;
  std::vector<Node> nodes;
  std::vector<Port> ports;

  /// The short form, with a disk of no size.
  static Network of_two(std::uint16_t mtu = 1500);
  bool is_of_two() const { return nodes.size() == 2 && ports.size() == 2; }

  const Node& node_of(PortIndex port) const { return nodes[ports[port].node]; }
  /// The first node of that role; there is one of each.
  NodeIndex first(Node::Role role) const;
  std::vector<NodeIndex> all(Node::Role role) const;
  /// The one of that name.
  std::optional<NodeIndex> find(std::string_view name) const;
  std::vector<std::string> names() const;
  std::vector<std::string> names(Node::Role role) const;
  /// The node's port on a segment; nothing: it has none there.
  std::optional<PortIndex> port_on(NodeIndex node, SegmentIndex segment) const;
  /// The first port of one node that is on a segment with the other; nothing: they have none in
  /// common.
  std::optional<PortIndex> port_towards(NodeIndex from, NodeIndex to) const;
  /// "t1"; "t1 on san", where the node has several interfaces.
  std::string name_of(PortIndex port) const;

  /// The first LUN of the first target.
  Device first_device() const { return {first(Node::Role::target), 0}; }
  const Lun& lun(const Device& device) const { return nodes[device.node].target.luns[device.lun]; }
  const Disk& disk(const Device& device) const { return disks[lun(device).disk]; }
  /// "e1.1"; "e1.1 of t2", where there are several targets.
  std::string name_of(const Device& device) const;
};

/// Reads `roles:` but its mutant.
Network parse_roles(YamlMap& roles, std::uint16_t mtu);
/// Reads `network:`, if there is one, and `nodes:`.
Network parse_network(YamlMap& scenario, std::uint16_t mtu);

/// The value of `key`, which names a node, or `fallback` where there is none.
NodeIndex parse_node(YamlMap& map, const std::string& key, const Network& network,
                     NodeIndex fallback);
/// The same for a node of that role.
NodeIndex parse_node(YamlMap& map, const std::string& key, const Network& network, Node::Role role);
/// The value of `key`, "e1.1", "t2" or "t2:e1.1"; the first LUN of the first target where there is
/// none. Of several targets with that address, the first.
Device parse_device(YamlMap& map, const std::string& key, const Network& network);
/// The value of `key`, which names a segment.
SegmentIndex parse_segment(YamlMap& map, const std::string& key, const Network& network);

/// "10Mbit", "64kbit", "1Gbit", "300bit": bits a second.
std::uint64_t parse_bit_rate(YamlMap& map, const std::string& key);

}  // namespace aoe::harness
