// Copying from or to mapped memory that may fault.
//
// The first call installs a SIGBUS handler for the whole process, and from then on it stays. A
// fault inside a guarded copy ends that copy; any other SIGBUS meets what was there before: the
// former handler is put back and the signal raised again. Threads do not disturb each other.
#pragma once

#include "base/bytes.h"

namespace aoe::target {

/// Copies `from` to `into`, of the same size, where `mapping` (the memory that may fault) contains
/// one of them. False where it faulted: some of the bytes may have been copied.
bool guarded_copy(Bytes from, MutableBytes into, Bytes mapping);

}  // namespace aoe::target
