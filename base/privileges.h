// What a target may still do once everything is open.
#pragma once

namespace aoe::target {

/// Gives up every capability but CAP_NET_RAW (which opens packet sockets on interfaces that come
/// later), where this thread has any, and the way to gain new ones: for this thread and those it
/// starts. False where the kernel refused.
bool drop_privileges();

/// As many descriptors as the system lets this process have, for each LUN takes one or two.
void raise_descriptor_limit();

}  // namespace aoe::target
