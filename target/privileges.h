// What a target may still do once everything is open.
#pragma once

namespace aoe::target {

/// Gives up every capability but CAP_NET_RAW and CAP_NET_ADMIN (which open packet sockets with
/// large buffers on interfaces that come later), where the process has any, and the way to gain
/// new ones. False where the kernel refused.
bool drop_privileges();

}  // namespace aoe::target
