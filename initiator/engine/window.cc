#include "initiator/engine/window.h"

#include <algorithm>

#include "base/check.h"

namespace aoe::initiator {
namespace {

constexpr std::uint16_t at_least_one(int value) {
  return static_cast<std::uint16_t>(std::max(value, 1));
}

}  // namespace

Window::Window(std::uint16_t limit, Profile profile)
    : is_linux_(profile == Profile::linux_driver),
      limit_(at_least_one(limit)),
      size_(at_least_one(limit_ / 2)),
      threshold_(is_linux_ ? size_ : limit_) {}

void Window::set_limit(std::uint16_t limit) {
  limit_ = at_least_one(limit);
  size_ = std::min(size_, limit_);
  threshold_ = std::min(threshold_, limit_);
}

void Window::answered() {
  AOE_CHECK(outstanding_ > 0);
  const bool used = 2 * outstanding_ > size_;
  --outstanding_;
  credit_ = std::min(credit_ + 1, answers_per_loss * losses_at_once);
  if (size_ >= limit_) return;
  if (size_ < threshold_) {
    if (used || is_linux_) ++size_;
  } else if (++answers_ >= size_) {
    ++size_;
    answers_ = 0;
  }
}

void Window::withdrawn() {
  AOE_CHECK(outstanding_ > 0);
  --outstanding_;
}

void Window::lost(Instant sent) {
  if (sent < collapsed_) return;
  if (credit_ >= answers_per_loss) {
    credit_ -= answers_per_loss;
    return;
  }
  threshold_ = size_ = at_least_one(size_ - 1);
}

void Window::not_lost() {
  if (size_ < limit_) threshold_ = ++size_;
}

bool Window::expired(Instant sent, Instant now) {
  if (sent < collapsed_) return false;
  if (size_before_ == 0) {
    size_before_ = size_;
    threshold_before_ = threshold_;
  }
  threshold_ = at_least_one(size_ / 2);
  size_ = 1;
  answers_ = 0;
  collapsed_ = now;
  return true;
}

bool Window::not_expired(Instant sent) {
  if (sent >= collapsed_ || size_before_ == 0) return false;
  size_ = std::min(std::max(size_, size_before_), limit_);
  threshold_ = std::min(std::max(threshold_, threshold_before_), limit_);
  size_before_ = 0;
  return true;
}

}  // namespace aoe::initiator
