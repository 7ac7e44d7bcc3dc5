#include "harness/world/live_ends.h"

#include <fmt/format.h>

namespace aoe::harness {

std::string LiveEnd::broken(std::size_t lines) {
  if (!why_not_.empty()) return "could not be started: " + why_not_;
  const std::string how = end();
  if (how.empty()) return {};
  // A program that goes to the background ends so, and leaves what can't be watched or ended.
  const bool is_well = how == "ended with status 0";
  return fmt::format("{}{}; it said: {}", how, is_well ? ": it must stay in the foreground" : "",
                     said(lines));
}

}  // namespace aoe::harness
