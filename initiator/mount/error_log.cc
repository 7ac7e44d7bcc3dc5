#include "initiator/mount/error_log.h"

#include <fmt/format.h>

namespace aoe::initiator {

void ErrorLog::add(std::string_view line) {
  if (lines_.size() == lines_max_) {
    lines_.pop_front();
    ++lost_;
  }
  lines_.emplace_back(line) += '\n';
}

std::string ErrorLog::take(std::size_t size_max) {
  if (lost_ > 0) {
    lines_.push_front(fmt::format("{} lines lost\n", lost_));
    lost_ = 0;
  }
  std::string text;
  while (!lines_.empty() && text.size() + lines_.front().size() <= size_max) {
    text += lines_.front();
    lines_.pop_front();
  }
  if (text.empty() && !lines_.empty()) {
    text = lines_.front().substr(0, size_max);
    lines_.front().erase(0, size_max);
  }
  return text;
}

}  // namespace aoe::initiator
