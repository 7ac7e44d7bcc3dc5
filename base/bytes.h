// Bytes: views of memory, which own nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace aoe {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// Copies `from` to the front of `to`, which must have room for it and must not overlap it. (GCC 12
/// makes a loop over single bytes of std::ranges::copy between spans.)
inline void copy(Bytes from, MutableBytes to) {
  AOE_CHECK(from.size() <= to.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace aoe
