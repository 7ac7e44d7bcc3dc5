// FNV-1a, a hash of 64 bits that is the same on all machines. It finds accidents, not attacks.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace aoe {

constexpr std::uint64_t fnv1a(Bytes bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}
inline std::uint64_t fnv1a(std::string_view text) {
  return fnv1a(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

}  // namespace aoe
