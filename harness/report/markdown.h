// A run as Markdown of GitHub's kind, for the summary of a job or a comment on a change.
#pragma once

#include <string>

#include "harness/report/record.h"

namespace aoe::harness {

/// A table of what is not a plain pass, and each failure with its ladder, folded. Short enough for
/// GitHub (1 MiB): what is too much is counted.
std::string to_markdown(const RunRecord& run);

}  // namespace aoe::harness
