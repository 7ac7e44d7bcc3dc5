// The configuration file of aoe-target: YAML in, a TargetDefinition out. aoe-target.yaml(5)
// describes the file.
//
// A file is right as a whole or refused with the first thing that is wrong, on one line:
// "aoe.yaml:7:5: lun: unknown key 'shlef'; did you mean 'shelf'?". Nothing is opened here: whether
// the images exist is for the stores to say.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "target/service/definition.h"

namespace aoe::target {

/// Reads the file at `path`. Paths in it are relative to its folder.
tl::expected<TargetDefinition, std::string> read_config_file(const std::string& path);

/// The same of a text, as if it stood in a file at `path`.
tl::expected<TargetDefinition, std::string> parse_config(const std::string& text,
                                                         const std::string& path);

}  // namespace aoe::target
