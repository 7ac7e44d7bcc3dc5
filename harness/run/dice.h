// The chance by which explorations are drawn: the same numbers from the same seed, whatever the
// standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>

namespace aoe::harness {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  /// From `least` to `most`, both included. By hand: distributions differ between libraries.
  std::uint64_t from(std::uint64_t least, std::uint64_t most) {
    return least + random_() % (most - least + 1);
  }
  bool chance(unsigned percent) { return from(1, 100) <= percent; }
  /// One of a list that is not empty.
  template <class List>
  const auto& one_of(const List& list) {
    return list[static_cast<std::size_t>(random_() % std::size(list))];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace aoe::harness
