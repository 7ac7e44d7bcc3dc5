// What `aoe-target ctl add`, `set` and `remove` have changed of the LUNs since the configuration was read.
//
// Plain values in the words of the configuration: an edit is laid over the mapping of its LUN before that
// is read, so that it is checked as a file is.
#pragma once

#include <map>
#include <string>

#include <yaml-cpp/yaml.h>
#include <tl/expected.hpp>

#include "proto/address.h"

namespace aoe::target {

struct LunEdit {
  bool is_removed = false;
  bool is_new = false;  // nothing of what the files say of the LUN holds
  /// By key, the text of its value in YAML; empty: the key is taken out, and its default holds.
  std::map<std::string, std::string> values = {};

  bool operator==(const LunEdit&) const = default;
};

using LunEdits = std::map<Address, LunEdit>;

/// What an error in an edit has as its file.
inline constexpr const char* lun_edit_file = "ctl";

/// Returns why a value is no YAML, or no value of a key that can be edited: "interfaces: '[eth0': …".
/// Empty for nothing.
std::string edit_error(const LunEdit& edit);

/// Returns an edit and then another one as one.
LunEdit joined(const LunEdit& first, const LunEdit& second);

/// Returns a copy of the mapping of a LUN with its edit laid over it. The values are YAML: see edit_error().
YAML::Node edited(const YAML::Node& lun, const LunEdit& edit);

}  // namespace aoe::target
