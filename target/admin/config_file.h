// The configuration file of aoe-target: YAML in, a TargetDefinition out. aoe-target.yaml(5)
// describes the file.
//
// Drop-ins beside it (/etc/aoe-target.d/*.yaml) are read with it.
//
// A file is valid as a whole, or refused with its first error on one line: "aoe.yaml:7:5: lun:
// unknown key 'shlef'; did you mean 'shelf'?". No image is opened here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "target/admin/drop_ins.h"
#include "target/admin/lun_edits.h"
#include "target/service/definition.h"

namespace aoe::target {

/// The longest model that IDENTIFY DEVICE reports, in characters. For serial numbers there is
/// serial_size_max.
inline constexpr std::size_t model_size_max = 40;

/// Returns why a text can't be the model or the serial number of a disk: "expected 1 to 20 characters
/// of ASCII". Empty where it can.
std::string ata_text_error(std::string_view text, std::size_t size_max);

/// Reads a configuration of one file or several: lists of LUNs, groups and limits of clients are joined,
/// and any other key may be in one of them. Paths are relative to the folder of the file that has them.
/// `edits`: prevail over what the files say of these LUNs.
tl::expected<TargetDefinition, std::string> parse_config(std::span<const ConfigText> files,
                                                         const LunEdits& edits = {});

/// Reads a text as if it were the content of a file at `path`, without drop-ins.
tl::expected<TargetDefinition, std::string> parse_config(const std::string& text,
                                                         const std::string& path);

/// Reads the file at `path` and its drop-ins.
tl::expected<TargetDefinition, std::string> read_config_file(const std::string& path);

}  // namespace aoe::target
