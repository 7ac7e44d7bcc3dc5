// Finds the second copy of each frame in a capture that has all frames twice: from a mirror port
// that copies both what a switch receives and what it sends, from several interfaces of one host,
// or from captures of both ends that were merged.
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
  /// Returns true if an equal frame passed a moment ago. `frame`: without VLAN tags.
  bool is_copy(Bytes frame, Instant now);
  /// For each of the frames that decide: notes what is_copy() said of it.
  void watch(bool is_reply, bool is_copy);
  bool all_are_doubled() const;

 private:
  /// No initiator sends a request again so soon.
  static constexpr Duration moment = std::chrono::milliseconds(50);
  static constexpr std::size_t frames_remembered = 4096;
  static constexpr std::size_t copies_min = 4;  // of requests, and of replies

  struct Kind {
    std::size_t frames = 0;
    std::size_t copies = 0;
    /// There are two of most, or three. Of more, one who asks the same again and again.
    bool is_doubled() const {
      return copies >= copies_min && copies * 10 >= frames * 4 && copies * 10 <= frames * 7;
    }
  };

  Kind requests_;
  Kind replies_;
  boost::unordered_flat_map<std::uint64_t, Instant> seen_;
  std::deque<std::uint64_t> order_;
};

}  // namespace aoe::harness
