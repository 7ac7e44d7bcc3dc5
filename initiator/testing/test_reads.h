// A user who reads as fast as may be, over a network that answers late or not at all, in virtual time.
#pragma once

#include <cstdint>
#include <functional>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {

struct ReadPlay {
  Duration how_long{};
  unsigned outstanding_max = 64;  // reads, of two sectors each
  /// Returns a number that says where to read next.
  std::function<std::uint64_t()> place{};
  /// Returns when the answer to a command that is sent now arrives; `never`: the one or the other is lost.
  std::function<Instant(const Sent&)> arrival{};
};

/// Plays it in a world whose device is up. Returns how many reads are done.
unsigned play_reads(World& world, const ReadPlay& play);

}  // namespace aoe::initiator
