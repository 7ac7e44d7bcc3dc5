// A Trace of an engine that has a clock, and the words in which it tells of frames.
#pragma once

#include <array>
#include <functional>
#include <string_view>
#include <utility>

#include "base/trace.h"
#include "proto/describe.h"

namespace aoe::target {

/// A Trace that asks the engine's clock for the time of each line.
struct TimedTrace {
  std::function<Instant()> clock;  // without one, every line has the time 0
  Trace trace;

  explicit operator bool() const { return static_cast<bool>(trace); }

  template <typename... Arguments>
  void operator()(fmt::format_string<Arguments...> text, Arguments&&... arguments) const {
    trace(now(), text, std::forward<Arguments>(arguments)...);
  }
  Instant now() const { return clock ? clock() : Instant{}; }
};

/// A frame or a Reject in words: see proto/describe.h.
class Described {
 public:
  template <typename Subject>
  explicit Described(const Subject& subject) : text_(describe(subject, room_)) {}
  Described(const Described&) = delete;
  Described& operator=(const Described&) = delete;

  std::string_view text() const { return text_; }

 private:
  std::array<char, description_size_max> room_;
  std::string_view text_;
};

}  // namespace aoe::target
