// Sends the queries of sancheck on all paths side by side, and counts what is answered.
#pragma once

#include <vector>

#include "initiator/cli/sancheck.h"

namespace aoe::initiator {

/// Fills in what each check found: `count` small queries, large requests and large answers, and the
/// most sectors that pass where all large ones were lost. An answer that does not come within `wait`
/// is lost. A terminal on standard error shows how many paths are done.
void probe_paths(Connection& connection, std::vector<PathCheck>& checks, Duration wait,
                 unsigned count);

}  // namespace aoe::initiator
