// Makes a configuration of what other targets are configured by: `aoe-target import`.
//
// Reads files, and changes none. What has no counterpart is named, never left out in silence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace aoe::target {

struct Imported {
  std::string yaml;                  // a configuration, which parse_config() takes
  std::vector<std::string> remarks;  // what it does not have, a line each
};

/// Imports a folder of vblade, /etc/vblade.conf.d, or one file of it: vblade-persistence(5).
tl::expected<Imported, std::string> import_vblade(const std::string& path);

/// Imports a folder of vblade-persist, /var/lib/vblade-persist/vblades, or one LUN of it: a folder for each
/// LUN, with a file for each variable in env/, and one for each client in macs/.
tl::expected<Imported, std::string> import_vblade_persist(const std::string& path);

/// Imports the configuration file of ggaoed: sections of keys.
tl::expected<Imported, std::string> import_ggaoed(const std::string& path);

}  // namespace aoe::target
