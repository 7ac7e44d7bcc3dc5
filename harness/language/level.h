// How binding a rule is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aoe::harness {

/// AoEr11 demands it or advises it; or it is a trait of one implementation, or only information.
/// The strictest first.
enum class Level : std::uint8_t { must, should, profile, info };
std::string_view text(Level level);
/// The words for them, in this order.
const std::vector<std::string>& level_words();

}  // namespace aoe::harness
