// Files written whole: a reader finds the new content or, after an error, the old one.
#pragma once

#include <cstdio>
#include <string>

#include <tl/expected.hpp>

namespace aoe {

/// Writes `text` to a file beside `path` and renames that; a terminal or pipe is written directly.
/// Errors: "a.xml: Permission denied", "/dev/sdb: a block device is not overwritten".
tl::expected<void, std::string> write_whole(const std::string& path, const std::string& text);

/// Writes `text` to an open file and flushes it. Errors begin with `name`.
tl::expected<void, std::string> write_text(std::FILE* file, const std::string& name,
                                           const std::string& text);

}  // namespace aoe
