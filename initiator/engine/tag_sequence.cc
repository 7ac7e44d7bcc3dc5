#include "initiator/engine/tag_sequence.h"

#include "base/check.h"

namespace aoe::initiator {
namespace {

/// SplitMix64: spreads a key over as many words as are asked for.
std::uint64_t next_word(std::uint64_t& state) {
  std::uint64_t word = state += 0x9e3779b97f4a7c15;
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
  word = (word ^ word >> 27) * 0x94d049bb133111eb;
  return word ^ word >> 31;
}

}  // namespace

TagSequence::TagSequence(std::uint32_t prefix, std::uint64_t key) : prefix_(prefix) {
  constexpr std::uint32_t given = 0xc000'0000;
  AOE_CHECK((prefix & ~given) == 0);
  prefix_ |= static_cast<std::uint32_t>(next_word(key)) & ~given & ~mask;
  for (std::uint64_t& word : keys_) word = next_word(key);
}

std::uint32_t TagSequence::tag(std::uint32_t number) const {
  std::uint32_t left = (number & mask) >> half;
  std::uint32_t right = number & half_mask;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::uint32_t mixed = left ^ mix(round, right);
    left = right;
    right = mixed;
  }
  return prefix_ | left << half | right;
}

std::uint32_t TagSequence::number(std::uint32_t tag) const {
  std::uint32_t left = (tag & mask) >> half;
  std::uint32_t right = tag & half_mask;
  for (std::size_t round = rounds; round-- > 0;) {
    const std::uint32_t mixed = right ^ mix(round, left);
    right = left;
    left = mixed;
  }
  return left << half | right;
}

}  // namespace aoe::initiator
