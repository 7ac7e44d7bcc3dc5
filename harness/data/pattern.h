// What sectors hold: a pattern that tells a sector's address and which write put it there.
//
// So data that is wrong shows what it is instead: another sector's, or an older write's.
#pragma once

#include <cstdint>

#include "proto/bytes.h"

namespace aoe::harness {

/// Fills whole sectors, from `lba` on, with the pattern of `version`; version 0 is what a store
/// begins with.
void fill_pattern(std::uint64_t lba, std::uint32_t version, MutableBytes sectors);

/// Does one sector hold that?
bool holds_pattern(std::uint64_t lba, std::uint32_t version, Bytes sector);

}  // namespace aoe::harness
