// The requests for one LUN and what became of them, as lines, while `ctl trace` asks for them.
//
// Belongs to a ServedLun; made when somebody asks, and gone when nobody does any more. Used by the worker's
// thread. It keeps the last `lines_max` lines, and writes `per_interval_max` of them in an interval at most:
// others are only counted, so that the LUN is not slowed down however many requests there are. Lines have
// numbers, and a reader sees by them how many it has missed. Nothing here fails: for want of memory a line is missed, too.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/instant.h"
#include "proto/address.h"
#include "proto/frame.h"

namespace aoe::target {

class RequestLog {
 public:
  static constexpr std::size_t lines_max = 2048;
  static constexpr Duration interval = std::chrono::milliseconds(50);
  static constexpr std::size_t per_interval_max = 500;  // about 0.3 ms of the thread

  explicit RequestLog(Instant now) : asked_(now) {}

  void request(Instant now, const Frame& request);
  /// `reply`: the bytes of a frame, those of its data perhaps left out.
  void reply(Instant now, Bytes reply);
  /// What else becomes of a request: "silent: masked source", "dropped: too far beyond a limit".
  void unanswered(Instant now, Mac client, std::string_view why);

  struct Line {
    Instant time{};
    std::string text;  // "02:00:00:00:00:0c > e0.2 READ EXT lba 2+2 tag 02010a3c"
  };
  struct Lines {
    std::vector<Line> lines;
    std::uint64_t next = 0;    // the number to ask from next
    std::uint64_t missed = 0;  // how many there were besides
  };
  /// Returns the lines from number `from` on, the first being 0.
  Lines lines_from(std::uint64_t from, Instant now);
  /// Returns the number that the next line will have.
  std::uint64_t next() const { return count_; }

  /// When it was asked last.
  Instant asked() const { return asked_; }

 private:
  struct Entry {
    std::uint64_t number;
    Line line;
  };
  /// Returns whether one more line may be written now; counts it.
  bool admits(Instant now);
  void add(Instant now, Mac client, char arrow, std::string_view text);

  std::deque<Entry> entries_;
  std::uint64_t count_ = 0;  // of lines, with those that were not written
  Instant interval_end_{};
  std::size_t in_interval_ = 0;
  Instant asked_;
};

}  // namespace aoe::target
