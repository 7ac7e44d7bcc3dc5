// The seeds that a test of many random runs plays: AOE_SEED=n one, AOE_SEEDS=n the first n.
#pragma once

#include <cstdint>
#include <cstdlib>

#include <gtest/gtest.h>

namespace aoe::initiator {

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
};

/// Returns `count` seeds, unless the environment asks for others.
inline Seeds seeds(std::uint64_t count) {
  const auto number = [](const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
  };
  const bool is_one = std::getenv("AOE_SEED") != nullptr;
  return {number("AOE_SEED", 1), is_one ? 1 : number("AOE_SEEDS", count)};
}

/// Plays each of them, up to the first that fails.
template <class Play>
void over_seeds(std::uint64_t count, Play play) {
  const auto [first, number] = seeds(count);
  for (std::uint64_t seed = first; seed < first + number; ++seed) {
    SCOPED_TRACE(testing::Message() << "again with AOE_SEED=" << seed);
    play(seed);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace aoe::initiator
