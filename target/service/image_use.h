// Which bytes of which files and devices LUNs use, so that two LUNs over the same bytes are noticed
// before one of them spoils what the other stores.
//
// Plain values, made by the Daemon's thread and by `aoe-target check`. What a name leads to is
// looked up at that moment: a served LUN keeps what was found when its image was opened.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/address.h"
#include "target/service/definition.h"
#include "target/store/file.h"

namespace aoe::target {

/// A part of one file, block device or NBD export that a LUN uses.
struct ImageUse {
  Address lun;
  std::string path;      // as the definition names it
  std::string identity;  // the same for every name of that file, device or export
  ByteRange range;       // within it
  bool writes = false;
  bool force = false;  // the administrator wants it although it conflicts with another use
};

/// Returns what a LUN uses: its image, and its overlay. Links lead to the file itself, a loop
/// device to the part of the file under it, a partition to the part of its disk. Opens files for a
/// moment, for reading only. Memory, and what cannot be opened, is left out: open_store() says what
/// is wrong with it.
std::vector<ImageUse> images_of(const LunDefinition& lun);

/// Returns the name of the file system, device or export that an image is on: while one does not
/// answer, another may. The name is a part of `use`.
std::string_view disk_of(const ImageUse& use);

/// Returns whether one writes to a file, device or export that the other uses.
bool share_data(std::span<const ImageUse> one, std::span<const ImageUse> other);

/// What is wrong with an image, in a line that names the LUN: "e0.2: disk.img: …".
struct ImageError {
  Address lun;
  std::string text;
};

/// Returns the error of each use that writes to bytes of an earlier one, or that is of the same file as
/// `capture`, the path of a capture file (empty: none): "e0.3: link.img: e0.2 uses it too (as
/// disk.img), and both write to it; --force serves it all the same". Two uses of which one has `force` are
/// no error.
std::vector<ImageError> find_conflicts(std::span<const ImageUse> uses, const std::string& capture);

}  // namespace aoe::target
