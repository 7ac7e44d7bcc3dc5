#include "harness/judge/copies.h"

#include <functional>

namespace aoe::harness {

bool Copies::is_copy(Bytes frame, Instant now) {
  const std::string_view text(reinterpret_cast<const char*>(frame.data()), frame.size());
  const std::uint64_t hash = std::hash<std::string_view>{}(text);
  const auto [found, is_new] = seen_.try_emplace(hash, now);
  if (!is_new) {
    const bool is_soon = now - found->second < moment;
    if (!is_soon) found->second = now;
    return is_soon;
  }
  order_.push_back(hash);
  if (order_.size() > frames_remembered) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return false;
}

void Copies::watch(bool is_reply, bool is_copy) {
  Kind& kind = is_reply ? replies_ : requests_;
  ++kind.frames;
  if (is_copy) ++kind.copies;
}

bool Copies::all_are_doubled() const {
  return requests_.is_doubled() && replies_.is_doubled();
}

}  // namespace aoe::harness
