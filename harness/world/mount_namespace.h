// A mount namespace for this process: what is mounted there is seen by it and by those that it
// starts, and is gone with the last of them.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace aoe::harness {

/// Moves this process, which has one thread, into a new one. Needs what enter_network_namespace()
/// gives.
tl::expected<void, std::string> enter_mount_namespace();

}  // namespace aoe::harness
