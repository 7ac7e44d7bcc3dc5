// Finds the copies of each frame in a capture that has all frames twice or more often: from a mirror
// port that copies both what a switch receives and what it sends, from several interfaces of one
// host, from captures of both ends that were merged, or from several of these at once.
//
// A capture's first frames decide whether it is like that: copies of many requests and of many
// replies at once come from the capture, not from either end. Fed by CaptureCheck.
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
  /// For each of the frames that decide: notes what copy_number() said of it.
  void watch(bool is_reply, unsigned copy_number);
  bool all_are_doubled() const;  // or there more often

 private:
  /// No initiator sends a request again so soon.
  static constexpr Duration moment = std::chrono::milliseconds(50);
  static constexpr std::size_t frames_remembered = 4096;
  static constexpr std::size_t copies_min = 4;  // of requests, and of replies

  struct Kind {
    std::size_t frames = 0;   // that are no copies
    std::size_t doubled = 0;  // of these, so many have a copy
    /// Most have one, however many more. One who asks the same again and again has sent few frames.
    bool is_doubled() const { return doubled >= copies_min && doubled * 3 >= frames * 2; }
  };
  struct Seen {
    Instant first;
    unsigned copies = 0;
  };

  Kind requests_;
  Kind replies_;
  boost::unordered_flat_map<std::uint64_t, Seen> seen_;
  std::deque<std::uint64_t> order_;
};

}  // namespace aoe::harness
