// Privileges of a target: what it gives up once all is open, and its limit of descriptors.
#pragma once

namespace aoe::target {

/// Drops all capabilities of this thread, and of threads that it starts later, except CAP_NET_RAW
/// (which opens packet sockets on interfaces that appear later), and prevents gaining new ones.
/// Returns false if the kernel refused.
bool drop_privileges();

/// Raises the soft limit of open descriptors to the hard limit, because each LUN takes one or two.
void raise_descriptor_limit();

}  // namespace aoe::target
