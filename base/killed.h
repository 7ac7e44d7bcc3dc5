// Whether a process is being killed, as /proc tells it of any process of this machine.
#pragma once

namespace aoe {

/// Returns whether the process that a thread belongs to is being ended by the kernel: a signal that
/// it can't survive is on its way, or all its threads are exiting. `thread`: its number for the
/// kernel, gettid(2). False where /proc does not tell.
bool is_being_killed(int thread);

}  // namespace aoe
