// What a capture is like, apart from what the two ends did: why some of its frames can't be judged.
//
// Plain data, filled by CaptureCheck and Dialogue. None of it is a finding, for no end is to blame.
#pragma once

#include <cstdint>

#include "base/instant.h"

namespace aoe::harness {

struct CaptureNotes {
  std::uint64_t dropped = 0;              // frames that the capturing program says it lost
  std::uint64_t other_links = 0;          // frames of link types that can't be read
  std::uint64_t without_destination = 0;  // frames of AoE, as of Linux' "any" interface
  std::uint64_t unclear_answers = 0;      // of those: several clients asked with their tag
  std::uint64_t copies = 0;               // frames left out because the capture has all of them so
  std::uint64_t before_begin = 0;         // replies to requests from before the capture began
  std::uint64_t without_request = 0;      // other replies whose requests it does not hold
  std::uint64_t without_answer = 0;       // requests whose answers it seems to have missed
  std::uint64_t left_out = 0;             // findings that rest on frames which it may have missed
  std::uint64_t other_sources = 0;  // replies from another card of their device than was asked
  std::uint64_t early = 0;          // replies that stand before their requests
  std::uint64_t out_of_order = 0;   // frames with a time before that of the frame before, a little
  std::uint64_t late_answers = 0;   // after so long that the clock was rather set
  std::uint64_t clock_steps = 0;    // times far before or after that of the frame before
  std::uint64_t clock_step_frame = 0;  // the number of the first frame of such a time
  Duration clock_step{};               // and by how much; negative: back
  std::uint64_t asked_again = 0;       // requests with the tag of the same request, answered before
  std::uint64_t of_more_devices = 0;   // frames of devices that are not told apart (devices.h)
  bool requests_only = false;          // it holds one direction
  bool replies_only = false;

  /// Does it miss frames that passed while it was made?
  bool misses_frames() const {
    return dropped > 0 || without_request > 0 || requests_only || replies_only;
  }
};

}  // namespace aoe::harness
