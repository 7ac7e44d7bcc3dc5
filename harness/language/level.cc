#include "harness/language/level.h"

namespace aoe::harness {

std::string_view text(Level level) {
  return level_words()[static_cast<std::size_t>(level)];
}

const std::vector<std::string>& level_words() {
  static const std::vector<std::string> words{"must", "should", "profile", "info"};
  return words;
}

}  // namespace aoe::harness
