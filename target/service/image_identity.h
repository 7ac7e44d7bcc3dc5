// Which image a LUN serves, so that what clients set for one is not taken for another that is served
// at the same address later.
//
// Plain values, kept in the state files (state_files.h). An administrator renames images, moves them to
// other disks, enlarges them and restores them from a backup: none of that makes another image.
#pragma once

#include <cstdint>
#include <string>

#include "target/store/open_store.h"

namespace aoe::target {

struct ImageIdentity {
  std::string path;        // absolute, of what is written to; memory:SIZE; a URI
  std::uint64_t size = 0;  // bytes; 0 of memory and a URI
  /// What the path leads to, whatever it is called: the inode of a file and its file system, or the
  /// name that a device has from its maker or from LVM. Empty for memory and a URI.
  std::string object;

  bool operator==(const ImageIdentity&) const = default;
};

/// Returns the identity of the image of a store, which is open. May wait for its disk.
ImageIdentity identify(const StoreDefinition& store);

/// Returns whether a LUN that served `before` serves the same image now. For memory and a URI, the
/// paths are the same; else two of these three: the path, the size, and the object. If nothing is
/// at the former path any more, the same file name counts as the same path. May wait for a disk.
bool is_same_image(const ImageIdentity& before, const ImageIdentity& now);

}  // namespace aoe::target
