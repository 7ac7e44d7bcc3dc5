// A run as Markdown of GitHub's kind, for the summary of a job or a comment on a change.
#pragma once

#include <string>
#include <string_view>

#include "harness/judge/coverage.h"
#include "harness/judge/record.h"

namespace aoe::harness {

/// A table of what is not a plain pass, and each failure with its ladder, folded. Short enough for
/// GitHub (1 MiB): what is too much is counted.
std::string to_markdown(const RunRecord& run);

// Of which others are made, too.

/// Text that stays what it is, in a table as well.
std::string plain_markdown(std::string_view text);
std::string_view sign(ClauseVerdict verdict);

}  // namespace aoe::harness
