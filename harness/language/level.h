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
/// The words for them, in this order.
inline const std::vector<std::string> level_words{"must", "should", "profile", "info"};
inline std::string_view text(Level level) {
  return level_words[static_cast<std::size_t>(level)];
}

}  // namespace aoe::harness
