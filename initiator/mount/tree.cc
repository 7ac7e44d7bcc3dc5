#include "initiator/mount/tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace aoe::initiator {
namespace {

using Kind = Node::Kind;

struct Row {
  Kind kind;
  Kind folder;
  mode_t mode;
  std::string_view name;  // empty: of several that are named for what they belong to
};

constexpr mode_t folder = S_IFDIR | 0755;
constexpr mode_t control = S_IFREG | 0220;
constexpr mode_t parameter = S_IFREG | 0644;
constexpr mode_t attribute = S_IFREG | 0444;

// By kind.
constexpr std::array rows{
    Row{Kind::root, Kind::root, folder, "/"},
    Row{Kind::dev, Kind::root, folder, "dev"},
    Row{Kind::etherd, Kind::dev, folder, "etherd"},
    Row{Kind::sys, Kind::root, folder, "sys"},
    Row{Kind::block, Kind::sys, folder, "block"},
    Row{Kind::kernel, Kind::sys, folder, "kernel"},
    Row{Kind::debug, Kind::kernel, folder, "debug"},
    Row{Kind::debug_aoe, Kind::debug, folder, "aoe"},
    Row{Kind::module, Kind::sys, folder, "module"},
    Row{Kind::aoe, Kind::module, folder, "aoe"},
    Row{Kind::parameters, Kind::aoe, folder, "parameters"},
    Row{Kind::device, Kind::block, folder, ""},
    Row{Kind::queue, Kind::device, folder, "queue"},
    Row{Kind::disk, Kind::etherd, S_IFREG | 0660, ""},
    Row{Kind::partition, Kind::etherd, S_IFREG | 0660, ""},
    Row{Kind::discover, Kind::etherd, control, "discover"},
    Row{Kind::err, Kind::etherd, S_IFREG | 0440, "err"},
    Row{Kind::flush, Kind::etherd, control, "flush"},
    Row{Kind::interfaces, Kind::etherd, control, "interfaces"},
    Row{Kind::revalidate, Kind::etherd, control, "revalidate"},
    Row{Kind::aoe_deadsecs, Kind::parameters, parameter, "aoe_deadsecs"},
    Row{Kind::aoe_dyndevs, Kind::parameters, parameter, "aoe_dyndevs"},
    Row{Kind::aoe_iflist, Kind::parameters, parameter, "aoe_iflist"},
    Row{Kind::aoe_maxout, Kind::parameters, parameter, "aoe_maxout"},
    Row{Kind::debug_disk, Kind::debug_aoe, attribute, ""},
    Row{Kind::max_hw_sectors_kb, Kind::queue, attribute, "max_hw_sectors_kb"},
    Row{Kind::max_sectors_kb, Kind::queue, attribute, "max_sectors_kb"},
    Row{Kind::firmware_version, Kind::device, attribute, "firmware-version"},
    Row{Kind::mac, Kind::device, attribute, "mac"},
    Row{Kind::netif, Kind::device, attribute, "netif"},
    Row{Kind::payload, Kind::device, attribute, "payload"},
    Row{Kind::ro, Kind::device, attribute, "ro"},
    Row{Kind::size, Kind::device, attribute, "size"},
    Row{Kind::state, Kind::device, attribute, "state"},
};

constexpr std::size_t index(Kind kind) {
  return static_cast<std::size_t>(kind) - static_cast<std::size_t>(Kind::root);
}

consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (index(rows[i].kind) != i) return false;
  }
  return index(Kind::state) + 1 == rows.size();
}
static_assert(rows_are_in_order());

constexpr const Row& row(Kind kind) {
  return rows[index(kind)];
}

bool belongs_to_disk(Kind kind) {
  return kind != Kind::root && (row(kind).name.empty() || belongs_to_disk(row(kind).folder));
}

}  // namespace

std::uint64_t Node::number() const {
  return static_cast<std::uint64_t>(kind) | std::uint64_t{device.shelf} << 8 |
         std::uint64_t{device.slot} << 24 | std::uint64_t{partition} << 32;
}

std::optional<Node> Node::of(std::uint64_t number) {
  Node node;
  node.kind = static_cast<Kind>(number & 0xff);
  node.device = {static_cast<std::uint16_t>(number >> 8), static_cast<std::uint8_t>(number >> 24)};
  node.partition = static_cast<std::uint16_t>(number >> 32);
  if (node.kind < Kind::root || node.kind > Kind::state || node.number() != number) {
    return std::nullopt;
  }
  return node;
}

mode_t Node::mode() const {
  return row(kind).mode;
}

bool Node::is_folder() const {
  return S_ISDIR(mode());
}

bool Node::is_of_disk() const {
  return belongs_to_disk(kind);
}

std::string name_of(const Node& node) {
  switch (node.kind) {
    case Kind::device: return fmt::format("etherd!{}", node.device);
    case Kind::disk:
    case Kind::debug_disk: return fmt::format("{}", node.device);
    case Kind::partition: return fmt::format("{}p{}", node.device, node.partition);
    default: return std::string(row(node.kind).name);
  }
}

Node folder_of(const Node& node) {
  const Kind kind = row(node.kind).folder;
  return {kind, belongs_to_disk(kind) ? node.device : Address{}};
}

std::vector<Node> list(const Disks& disks, const Node& folder) {
  std::vector<Node> nodes;
  if (!is_there(disks, folder)) return nodes;
  for (const Row& entry : rows) {
    if (entry.folder != folder.kind || entry.kind == Kind::root) continue;
    if (!entry.name.empty()) {
      nodes.push_back({entry.kind, folder.device});
      continue;
    }
    for (const auto& [address, partitions] : disks) {
      if (entry.kind != Kind::partition) {
        nodes.push_back({entry.kind, address});
        continue;
      }
      for (const Partition& partition : partitions) {
        nodes.push_back({entry.kind, address, partition.number});
      }
    }
  }
  return nodes;
}

std::optional<Node> look_up(const Disks& disks, const Node& folder, std::string_view name) {
  for (const Node& node : list(disks, folder)) {
    if (name_of(node) == name) return node;
  }
  return std::nullopt;
}

const Partition* partition_of(const Disks& disks, const Node& node) {
  const auto disk = disks.find(node.device);
  if (disk == disks.end()) return nullptr;
  const auto found = std::ranges::find(disk->second, node.partition, &Partition::number);
  return found == disk->second.end() ? nullptr : &*found;
}

bool is_there(const Disks& disks, const Node& node) {
  if (node.kind == Kind::partition) return partition_of(disks, node) != nullptr;
  return !belongs_to_disk(node.kind) || disks.contains(node.device);
}

}  // namespace aoe::initiator
