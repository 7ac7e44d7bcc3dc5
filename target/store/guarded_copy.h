// Copying from or to mapped memory that may fault.
//
// The first call installs a SIGBUS handler for the whole process, which stays. A fault inside a
// guarded copy ends that copy. On any other SIGBUS the former handler is restored and the signal
// raised again. Several threads may copy at a time.
#pragma once

#include "base/bytes.h"

namespace aoe::target {

/// Copies `from` to `into`, of the same size, where `mapping` (the memory that may fault) contains
/// one of them. Returns false if it faulted: some of the bytes may have been copied.
bool guarded_copy(Bytes from, MutableBytes into, Bytes mapping);

}  // namespace aoe::target
