// Whether to stay awake for the next answer, or to sleep until it comes.
//
// To sleep and be woken takes longer than an answer over a fast wire, and as much of the processor as
// waiting for it awake. Where answers take longer, or the target needs the processor, waiting awake is
// a waste: after some that were in vain only one of many is tried.
//
// An engine; one thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/instant.h"

namespace aoe::initiator {

class Linger {
 public:
  /// As long as it takes to sleep and wake a few times.
  static constexpr Duration longest = std::chrono::microseconds(20);
  /// One of so many is tried while it does not pay.
  static constexpr unsigned tried_anyway = 64;

  /// Returns whether to wait awake now. Then tried() is to be called.
  bool is_worthwhile() { return credit_ > 0 || ++left_out_ % tried_anyway == 0; }
  /// `came`: an answer came in that time.
  void tried(bool came) {
    credit_ = came ? std::min(credit_ + 1, credit_max) : std::max(credit_ - 1, 0);
  }

 private:
  static constexpr int credit_max = 8;

  int credit_ = 1;
  unsigned left_out_ = 0;
};

}  // namespace aoe::initiator
