// Keeps what clients set in LUNs on disk: a folder with a small YAML file for each LUN,
// "e0.2.yaml". It says of which image it is, too: where another one is served at the address, it is
// kept aside.
//
// A file is replaced as a whole (written beside it, made stable, renamed, and the folder made
// stable), so a crash at any instant leaves the old one or the new one. Nothing outside the folder
// is written to: a symbolic link in it is replaced. Used by one thread at a time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <tl/expected.hpp>

#include "target/lun/lun.h"
#include "target/service/image_identity.h"

namespace aoe::target {

class StateFiles {
 public:
  /// Opens the folder, and makes it (not its parents) if it is missing, for its owner only. Error:
  /// "/var/lib/aoe-target: Permission denied".
  static tl::expected<StateFiles, std::string> open(const std::string& folder);

  struct Loaded {
    LunState state;
    std::optional<ImageIdentity> image;  // none in a file of an earlier version

    bool operator==(const Loaded&) const = default;
  };
  /// Returns what was saved last; nothing if nothing was. A file that cannot be read is an error,
  /// because without its mask list every client would be answered:
  /// "/var/lib/aoe-target/e0.2.yaml:3:7: mask: …".
  tl::expected<std::optional<Loaded>, std::string> load(Address lun) const;

  /// Saves a state. On success it survives a crash of the machine.
  std::error_code save(Address lun, const LunState& state, const ImageIdentity& image) const;

  struct Saved {
    Address lun;
    LunState state;
    ImageIdentity image;
  };
  /// Saves states of many LUNs, for which it waits for the disk about as long as for one. Where a
  /// LUN has several, the last one counts. Returns the error of each, in their order.
  std::vector<std::error_code> save(std::span<const Saved> states) const;
  /// Renames the file of a LUN, which no load() finds from then on, to the first free one of
  /// "e0.2.yaml.old", "e0.2.yaml.old2", … Returns its new path; nothing if there was none. Error:
  /// "/var/lib/aoe-target/e0.2.yaml: Read-only file system".
  tl::expected<std::optional<std::string>, std::string> set_aside(Address lun) const;
  /// Returns the path of the file of a LUN, which may not exist yet.
  std::string path(Address lun) const;

 private:
  explicit StateFiles(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace aoe::target
