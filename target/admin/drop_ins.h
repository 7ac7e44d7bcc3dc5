// The files of a configuration: the one that is named, and its drop-ins, each of which a package, a program
// or a person may have written.
//
// Reads files as they are: config_file.h says what they mean.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace aoe::target {

/// Returns the folder of the drop-ins of a file: "/etc/aoe-target.d" for "/etc/aoe-target.yaml".
std::string drop_in_folder(const std::string& path);

/// One file of a configuration.
struct ConfigText {
  std::string path;
  std::string text;
};

/// Reads the file at `path`, and its drop-ins, *.yaml, in the order of their names.
tl::expected<std::vector<ConfigText>, std::string> read_config_texts(const std::string& path);

}  // namespace aoe::target
