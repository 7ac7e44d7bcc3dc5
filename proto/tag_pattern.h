// The tags of one sender: those that are alike in some bits.
//
// An initiator chooses its tags, and a target returns them (AoEr11 §2). Where an initiator's tags have
// bits in common that those of others on its interface have not, an answer can be told to be its own
// before it is looked at any further.
#pragma once

#include <cstdint>

namespace aoe {

struct TagPattern {
  std::uint32_t mask = 0;   // the bits that count
  std::uint32_t value = 0;  // what they are; 0 in all others

  bool matches(std::uint32_t tag) const { return (tag & mask) == value; }
  bool operator==(const TagPattern&) const = default;
};

}  // namespace aoe
