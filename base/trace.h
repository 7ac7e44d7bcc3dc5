// Trace: prints a line for each decision of an engine.
//
// An engine keeps a Trace by value and asks it before it makes a line:
//
//   if (trace_) trace_(now, "window {} {}: {} -> {}, expired", address, mac, before, after);
//
// A Trace without a writer is off: the question costs one comparison, and nothing is formatted. A
// line begins with the time in seconds, then the subject, then what it is about, so that grep finds
// all of one kind or of one device. Used by the engine's thread; the writer adds the newline.
#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/instant.h"

namespace aoe {

class Trace {
 public:
  using Writer = std::function<void(std::string_view line)>;

  /// Off.
  Trace() = default;
  /// Gives each line to `writer`, which may be called as long as a copy of this lives. Times are
  /// counted from `origin`.
  explicit Trace(Writer writer, Instant origin = {})
      : writer_(std::make_shared<Writer>(std::move(writer))), origin_(origin) {}

  explicit operator bool() const { return writer_ != nullptr; }

  /// Writes "12.345678 TEXT". Only called while it is on.
  template <typename... Arguments>
  void operator()(Instant now, fmt::format_string<Arguments...> text,
                  Arguments&&... arguments) const {
    const auto microseconds =
        std::chrono::duration_cast<std::chrono::microseconds>(now - origin_).count();
    std::string line = fmt::format("{}.{:06} ", microseconds / 1'000'000, microseconds % 1'000'000);
    fmt::format_to(std::back_inserter(line), text, std::forward<Arguments>(arguments)...);
    (*writer_)(line);
  }

 private:
  std::shared_ptr<Writer> writer_;
  Instant origin_{};
};

}  // namespace aoe
