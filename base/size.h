// Sizes in bytes, as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aoe {

/// Returns the bytes of "512", "8KiB", "8K", "1.5MiB", "2G" or "1T": units are powers of 1024. Nothing
/// for what is no size, or is more than 64 bits hold.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// What an error about a size says after "not a size such as ".
inline constexpr std::string_view size_examples =
    "512, 64K or 1.5MiB (units: K, M, G, T, or KiB, MiB, GiB, TiB)";

}  // namespace aoe
