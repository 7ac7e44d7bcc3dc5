// A run as Markdown of GitHub's kind, for the summary of a job or a comment on a change.
#pragma once

#include <string>
#include <string_view>

#include "harness/judge/record.h"

namespace aoe::harness {

/// Returns a table of all cases but plain passes, and each failure with its ladder, folded. It is
/// shorter than GitHub's limit (1 MiB): rows and details beyond it are only counted.
std::string to_markdown(const RunRecord& run);

/// Escapes the text so that nothing in it is Markdown, even in a table. The matrix needs it, too.
std::string plain_markdown(std::string_view text);

}  // namespace aoe::harness
