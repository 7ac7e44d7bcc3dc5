// The configuration file of aoe-target: YAML in, a TargetDefinition out. aoe-target.yaml(5)
// describes the file.
//
// A file is valid as a whole, or refused with its first error on one line: "aoe.yaml:7:5: lun:
// unknown key 'shlef'; did you mean 'shelf'?". No image is opened here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "target/service/definition.h"

namespace aoe::target {

/// The longest model that IDENTIFY DEVICE reports, in characters. For serial numbers there is
/// serial_size_max.
inline constexpr std::size_t model_size_max = 40;

/// Returns why a text can't be the model or the serial number of a disk: "expected 1 to 20 characters
/// of ASCII". Empty where it can.
std::string ata_text_error(std::string_view text, std::size_t size_max);

/// Reads the file at `path`. Paths in it are relative to its folder.
tl::expected<TargetDefinition, std::string> read_config_file(const std::string& path);

/// Reads a text as if it were the content of a file at `path`.
tl::expected<TargetDefinition, std::string> parse_config(const std::string& text,
                                                         const std::string& path);

}  // namespace aoe::target
