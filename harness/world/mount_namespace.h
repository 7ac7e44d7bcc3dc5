// A mount namespace of one's own: what is mounted there is seen by this process and by those that
// it starts, and is gone with the last of them.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace aoe::harness {

/// Moves this process, of one thread, there. Needs what enter_network_namespace() gives.
tl::expected<void, std::string> enter_mount_namespace();

}  // namespace aoe::harness
