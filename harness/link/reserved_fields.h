// Reserved fields: what AoEr11 leaves for later, and everybody sends as zero.
#pragma once

#include <string_view>

#include "proto/frame.h"

namespace aoe::harness {

/// The first of them that is not zero, in words: "the reserved flags (§2)"; nothing where all are.
/// `frame` is what decode() made of `bytes`.
std::string_view set_reserved_field(Bytes bytes, const Frame& frame);

}  // namespace aoe::harness
