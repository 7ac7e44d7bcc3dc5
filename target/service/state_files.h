// What clients set in LUNs, on disk: a folder with a small YAML file for each LUN, "e0.2.yaml".
//
// A file is replaced as a whole (written beside it, made stable, renamed, and the folder made
// stable), so a crash at any instant leaves the old one or the new one. Used by one thread at a
// time.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include <tl/expected.hpp>

#include "target/lun/lun.h"

namespace aoe::target {

class StateFiles {
 public:
  /// Makes the folder where it is missing (not its parents), for its owner only. Error:
  /// "/var/lib/aoe-target: Permission denied".
  static tl::expected<StateFiles, std::string> open(const std::string& folder);

  /// What was saved last; nothing where nothing ever was. A file that holds something else is an
  /// error and not nothing, for a mask list that was lost would let everyone in:
  /// "/var/lib/aoe-target/e0.2.yaml:3:7: mask: …".
  tl::expected<std::optional<LunState>, std::string> load(Address lun) const;

  /// On success it survives a crash of the machine.
  std::error_code save(Address lun, const LunState& state) const;

 private:
  explicit StateFiles(std::string folder) : folder_(std::move(folder)) {}
  std::string path(Address lun) const;

  std::string folder_;
};

}  // namespace aoe::target
