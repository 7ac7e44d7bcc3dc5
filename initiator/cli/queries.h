// The commands that ask a target for its config string, mask list and reservation, or change them
// (§3.2-3.4). Each prints what the target has afterwards, and returns the program's exit status.
#pragma once

#include <string>
#include <vector>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// `read` prints the string; `test` and `prefix` fail where no target's string passes.
int config_command(const CommandOptions& options, Address device, const ConfigQuery& query);
/// Removes, then adds, then lists.
int mask_command(const CommandOptions& options, Address device, const std::vector<Mac>& remove,
                 const std::vector<Mac>& add);
int reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query);

}  // namespace aoe::initiator
