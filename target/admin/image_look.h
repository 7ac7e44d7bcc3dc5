// A look at the images of a LUN that is served: whether their paths still lead to what it has open.
//
// An image may be grown, shrunk, replaced by rename(2) or hidden by a mount while it is served, and its
// store goes on with what it opened. Called by a thread that may wait for a disk. Opens files for a
// moment, for reading only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "proto/address.h"
#include "target/service/definition.h"
#include "target/service/image_use.h"

namespace aoe::target {

struct ImageLook {
  enum class Found : std::uint8_t {
    same,      // also for memory and for an NBD export, at which nobody looks
    resized,   // the part that the LUN serves of the same file or device has another size
    other,     // a path leads to another file or device
    unusable,  // a path leads to nothing that the LUN could open
  };
  Found found = Found::same;
  std::vector<ImageUse> images = {};  // what the paths lead to now; none if unusable
  /// "disk.img has another size now", "disk.img is another file now", "disk.img: No such file or
  /// directory"; empty for the same.
  std::string text = {};

  /// Returns what is another file or device, as in `text`; empty if nothing is.
  std::string found_other() const { return found == Found::other ? text : std::string(); }
};

/// What was found at the images of several LUNs.
using ImageLooks = std::map<Address, ImageLook>;

/// Compares what the paths of a LUN lead to with what it has `opened`, which images_of() gave then.
ImageLook look_at_images(const LunDefinition& lun, std::span<const ImageUse> opened);

}  // namespace aoe::target
