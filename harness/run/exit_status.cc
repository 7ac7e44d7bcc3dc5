#include "harness/run/exit_status.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/standard_streams.h"

namespace aoe::harness {

void complain(const std::string& lines) {
  for (std::size_t at = 0; at <= lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    tell(fmt::format("aoe-harness: {}\n", lines.substr(at, end - at)));
    at = end + 1;
  }
}

}  // namespace aoe::harness
