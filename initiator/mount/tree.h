// The names of a mount, and their inodes: the files of the Linux driver.
//
//   dev/etherd/{e0.2,e0.2p1,...}                   disks and their partitions
//   dev/etherd/{discover,err,flush,interfaces,revalidate}
//   sys/block/etherd!e0.2/{firmware-version,mac,netif,payload,ro,size,state}
//   sys/block/etherd!e0.2/queue/{max_hw_sectors_kb,max_sectors_kb}
//   sys/kernel/debug/aoe/e0.2                      its targets and paths
//   sys/module/aoe/parameters/{aoe_deadsecs,aoe_dyndevs,aoe_iflist,aoe_maxout}
//
// Pure functions of the disks that there are. An inode's number encodes what it stands for, so
// nothing is kept between requests, and a disk that comes back has the numbers that it had.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/mount/partition.h"
#include "proto/address.h"

namespace aoe::initiator {

/// The disks that are shown, each with its partitions by number.
using Disks = std::map<Address, std::vector<Partition>>;

struct Node {
  enum class Kind : std::uint8_t {
    root = 1,  // FUSE's own number for it
    // Folders.
    dev,
    etherd,
    sys,
    block,
    kernel,
    debug,
    debug_aoe,
    module,
    aoe,
    parameters,
    device,  // of one disk, in sys/block
    queue,   // in it
    // Disks.
    disk,
    partition,
    // Files that carry out a command when they are written.
    discover,
    err,
    flush,
    interfaces,
    revalidate,
    // Parameters of the driver.
    aoe_deadsecs,
    aoe_dyndevs,
    aoe_iflist,
    aoe_maxout,
    // Attributes of one disk.
    debug_disk,  // in sys/kernel/debug/aoe
    max_hw_sectors_kb,
    max_sectors_kb,
    firmware_version,
    mac,
    netif,
    payload,
    ro,
    size,
    state,
  };

  Kind kind = Kind::root;
  Address device{};             // of kinds that belong to one disk
  std::uint16_t partition = 0;  // its number, of that kind

  bool operator==(const Node&) const = default;

  /// Returns the inode number: 1 for root.
  std::uint64_t number() const;
  /// Returns nothing for a number that no inode has.
  static std::optional<Node> of(std::uint64_t number);

  /// Returns type and permissions.
  mode_t mode() const;
  bool is_folder() const;
  bool is_disk() const { return kind == Kind::disk || kind == Kind::partition; }
  /// Returns whether `device` is of use: the node is shown because that disk is.
  bool is_of_disk() const;
};

/// Returns the name in its folder: "e0.2p1", "etherd!e0.2".
std::string name_of(const Node& node);

/// Return a file of a folder by its name, or all of them. Nothing if it is not a folder, or gone.
std::optional<Node> look_up(const Disks& disks, const Node& folder, std::string_view name);
std::vector<Node> list(const Disks& disks, const Node& folder);

/// Returns the folder that contains the node. That of root is root.
Node folder_of(const Node& node);

/// Returns the partition that a node stands for; null when there is none now.
const Partition* partition_of(const Disks& disks, const Node& node);

/// Returns whether the node is shown now.
bool is_there(const Disks& disks, const Node& node);

}  // namespace aoe::initiator
