// The commands that read or change a target's config string, mask list and reservation (§3.2-3.4).
// Each prints what the target has afterwards. Throws Failed.
#pragma once

#include <string>
#include <vector>

#include "initiator/cli/connection.h"

namespace aoe::initiator {

/// `read` prints the string. `test` and `prefix` fail when no target's string matches.
void config_command(const CommandOptions& options, Address device, const ConfigQuery& query);
/// Removes, then adds MACs, then lists them.
void mask_command(const CommandOptions& options, Address device, const std::vector<Mac>& remove,
                  const std::vector<Mac>& add);
/// Carries `query` out, and lists for whom the disk is reserved.
void reserve_command(const CommandOptions& options, Address device, const ReserveQuery& query);

}  // namespace aoe::initiator
