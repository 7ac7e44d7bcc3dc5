// Touching, copying and changing mapped memory that may fault.
//
// The first call installs a SIGBUS handler for the whole process, which stays. A fault inside a
// guarded call ends that call. On any other SIGBUS the former handler is restored and the signal
// raised again. Several threads may call at a time.
#pragma once

#include "base/bytes.h"

namespace aoe::target {

/// Copies `from` to `into`, of the same size, where `mapping` (the memory that may fault) contains
/// one of them. Returns false if it faulted: some of the bytes may have been copied.
bool guarded_copy(Bytes from, MutableBytes into, Bytes mapping);

/// Sets bits of a byte of `mapping`, by one instruction. Returns false if that faulted.
bool guarded_or(std::uint8_t& byte, std::uint8_t bits, Bytes mapping);

/// Reads a byte of each page of `part`, which lies in `mapping`: its pages are in memory then.
/// Returns false if one of them faulted.
bool guarded_touch(Bytes part, Bytes mapping);

}  // namespace aoe::target
