// Reserved fields: those that AoEr11 has no use for yet, and that both ends send as zero. Pure.
#pragma once

#include <string_view>

#include "proto/frame.h"

namespace aoe::harness {

/// The first reserved field that is not zero: "the reserved flags (§2)"; empty if all are zero.
/// `frame` is what decode() made of `bytes`.
std::string_view set_reserved_field(Bytes bytes, const Frame& frame);

}  // namespace aoe::harness
