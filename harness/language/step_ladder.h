// What passes between the two ends as a scenario's steps are played: arrows between two lines, for a
// person to read. Drawn by the steps themselves (steps.h).
#pragma once

#include <string>

#include <fmt/format.h>

namespace aoe::harness {

class StepLadder {
 public:
  /// An arrow from the initiator to the target, with a text on it; and the other way.
  void right(const std::string& text) {
    lines_ += fmt::format("      |{:-<{}}>|\n", fmt::format("-- {} ", cut(text)), room - 5);
  }
  void left(const std::string& text) {
    lines_ += fmt::format("      |<{:->{}}|\n", fmt::format(" {} --", cut(text)), room - 5);
  }
  /// Something that happens and is no frame.
  void note(const std::string& text) {
    lines_ += fmt::format("      |{:^{}}|\n", cut(text), room - 4);
  }

  /// All of it under a heading; empty where nothing was drawn.
  std::string text() && {
    if (lines_.empty()) return {};
    return fmt::format("    {:<{}}{}\n{}", "initiator", room - 3, "target", lines_);
  }

 private:
  static constexpr std::size_t room = 66;  // columns

  static std::string cut(const std::string& text) {
    return text.size() + 8 <= room ? text : fmt::format("{}...", text.substr(0, room - 11));
  }

  std::string lines_;
};

}  // namespace aoe::harness
