// Tags that can't be guessed: a keyed permutation of a counter.
//
// The n-th tag is the permutation's value at n, so no tag comes twice until all have been used, and
// a tag's number can be reckoned back: a table can be indexed by it. Someone who does not have the
// key learns nothing of the tags that he does not see. Bits 31 and 30 are given, and the next
// six are the key's: all tags of a sequence have them, and most sequences of other keys have not, so
// that answers can be sorted by them. The other 24 are permuted by a Feistel network of six rounds,
// whose round function multiplies with 64 bits of the key. A sender who forges answers blindly has 30
// bits to guess. It is no cipher for secrets: a host that sees the frames sees the tags.
//
// Constant time; a few nanoseconds. Reads no clock and draws no random numbers: the key is given.
#pragma once

#include <array>
#include <cstdint>

#include "proto/tag_pattern.h"

namespace aoe::initiator {

class TagSequence {
 public:
  static constexpr unsigned bits = 24;
  static constexpr std::uint32_t count = 1U << bits;  // of different tags

  /// `prefix`: bits 31 and 30 of each tag. `key`: different keys give unrelated sequences.
  TagSequence(std::uint32_t prefix, std::uint64_t key);

  /// Returns the tag of this number; numbers count modulo `count`.
  std::uint32_t tag(std::uint32_t number) const;
  /// Returns the number of this tag. Precondition: is_ours(tag).
  std::uint32_t number(std::uint32_t tag) const;
  bool is_ours(std::uint32_t tag) const { return pattern().matches(tag); }
  /// Returns what all tags of this sequence have in common.
  TagPattern pattern() const { return {~mask, prefix_}; }

 private:
  static constexpr std::uint32_t mask = count - 1;
  static constexpr unsigned half = bits / 2;
  static constexpr std::uint32_t half_mask = (1U << half) - 1;

  std::uint32_t mix(std::size_t round, std::uint32_t value) const {
    const std::uint64_t product = (value ^ keys_[2 * round]) * (keys_[2 * round + 1] | 1);
    return static_cast<std::uint32_t>((product ^ product >> 29) >> 32) & half_mask;
  }

  static constexpr std::size_t rounds = 6;
  std::uint32_t prefix_;
  std::array<std::uint64_t, 2 * rounds> keys_{};
};

}  // namespace aoe::initiator
