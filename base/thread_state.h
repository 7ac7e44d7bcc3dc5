// What a thread of this process is doing, as the kernel tells it.
#pragma once

#include <string>

namespace aoe {

/// Returns whether a thread sleeps, rather than runs, waits for a processor or is stopped. `thread`:
/// its number for the kernel, gettid(2). A thread that is not there sleeps.
bool is_blocked(int thread);

/// Returns the function of the kernel that it sleeps in: "io_schedule"; empty where that is not told.
std::string blocked_in(int thread);

}  // namespace aoe
