// Finds the copies of each frame in a capture that has all frames twice or more often: from a mirror
// port that copies both what a switch receives and what it sends, from several interfaces of one
// host, from captures of both ends that were merged, or from several of these at once.
//
// A capture's first frames decide whether it is like that: copies of many requests and of many
// replies at once come from the capture, not from either end. Copies are equal in header and Arg;
// padding, checksum and how much of the data was captured may differ. Fed by CaptureCheck.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/bytes.h"
#include "base/instant.h"

namespace aoe::harness {

class Copies {
 public:
  /// Returns which copy the frame is of an equal one that passed a moment ago, from 1; 0: there was
  /// none. `frame`: without VLAN tags.
  unsigned copy_number(Bytes frame, Instant now);

 private:
  /// No initiator sends a request again so soon.
  static constexpr Duration moment = std::chrono::milliseconds(50);
  static constexpr std::size_t frames_remembered = 4096;

  struct Seen {
    Instant first;
    unsigned copies = 0;
  };

  boost::unordered_flat_map<std::uint64_t, Seen> seen_;
  std::deque<std::uint64_t> order_;
};

/// Decides by a capture's first frames whether it has all of them twice or more often.
class CopyCounts {
 public:
  /// For each of the frames that decide: notes what Copies::copy_number() said of it.
  void watch(bool is_reply, unsigned copy_number);
  bool all_are_doubled() const { return requests_.is_doubled() && replies_.is_doubled(); }
  /// Are there enough of both kinds to decide?
  bool is_enough() const { return requests_.is_enough() && replies_.is_enough(); }

 private:
  static constexpr std::size_t frames_min = 4;

  struct Kind {
    std::size_t frames = 0;   // that are no copies
    std::size_t doubled = 0;  // of these, so many have a copy
    bool is_enough() const { return frames >= frames_min; }
    /// Most have one, however many more. One who asks the same again and again has sent few frames.
    bool is_doubled() const { return doubled >= frames_min && doubled * 3 >= frames * 2; }
  };

  Kind requests_;
  Kind replies_;
};

}  // namespace aoe::harness
