// The configuration of a running target: its files as they were read last, and what `ctl` has changed since.
//
// Owned by the program and used by the Daemon's thread. What read() and edit() return is tried first:
// commit() takes it over once it is in use, and a refusal leaves all as it was.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "target/admin/config_file.h"
#include "target/admin/lun_edits.h"
#include "target/service/definition.h"

namespace aoe::target {

class Configuration {
 public:
  /// `path`: of the file. `complete`: lays over a definition what a command line says.
  Configuration(std::string path, std::function<TargetDefinition(TargetDefinition)> complete)
      : path_(std::move(path)), complete_(std::move(complete)) {}

  /// Reads the files again. What was edited since and not saved is forgotten.
  tl::expected<TargetDefinition, std::string> read();
  /// Edits one LUN. Errors: "read-only: expected true or false, got 'maybe'".
  tl::expected<TargetDefinition, std::string> edit(Address lun, const LunEdit& edit);
  /// What was returned last is in use.
  void commit();

  /// Returns why save() would refuse a LUN: "e0.2 is defined in aoe.yaml:7:5: change it there". Empty
  /// for nothing.
  std::string why_not_saved(Address lun) const;
  /// Has the next start find a LUN as it was edited: writes, or removes, a drop-in that has this LUN only.
  /// Returns its path. Error: "/etc/aoe-target.d/e0.3.yaml: Read-only file system".
  tl::expected<std::string, std::string> save(Address lun);

 private:
  /// What a definition was read from.
  struct Source {
    std::vector<ConfigText> files = {};
    LunEdits edits = {};
    std::map<Address, std::string> places = {};  // as TargetDefinition has them
  };

  tl::expected<TargetDefinition, std::string> parse(Source source);
  std::string saved_path(Address lun) const;

  const std::string path_;
  const std::function<TargetDefinition(TargetDefinition)> complete_;
  Source in_use_;
  Source tried_;
};

}  // namespace aoe::target
