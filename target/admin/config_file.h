// The configuration file of aoe-target: YAML in, a TargetDefinition out. aoe-target.yaml(5)
// describes the file.
//
// A file is valid as a whole, or refused with its first error on one line: "aoe.yaml:7:5: lun:
// unknown key 'shlef'; did you mean 'shelf'?". No image is opened here.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "target/service/definition.h"

namespace aoe::target {

/// Reads the file at `path`. Paths in it are relative to its folder.
tl::expected<TargetDefinition, std::string> read_config_file(const std::string& path);

/// Reads a text as if it were the content of a file at `path`.
tl::expected<TargetDefinition, std::string> parse_config(const std::string& text,
                                                         const std::string& path);

}  // namespace aoe::target
