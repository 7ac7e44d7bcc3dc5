#include "harness/judge/copies.h"

#include <functional>

#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::size_t mac_size = 6;

}  // namespace

unsigned Copies::copy_number(Bytes frame, Instant now) {
  // A capture of all interfaces has the destination of a broadcast where it came in, and none where it
  // went out again.
  const Mac destination = layout::get<Field::destination>(frame);
  if (destination == Mac::broadcast() || destination == Mac{}) frame = frame.subspan(mac_size);
  const std::string_view text(reinterpret_cast<const char*>(frame.data()), frame.size());
  const std::uint64_t hash = std::hash<std::string_view>{}(text);
  const auto [found, is_new] = seen_.try_emplace(hash, Seen{now});
  if (!is_new) {
    Seen& seen = found->second;
    if (now - seen.first < moment) return ++seen.copies;
    seen = {now};
    return 0;
  }
  order_.push_back(hash);
  if (order_.size() > frames_remembered) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return 0;
}

void Copies::watch(bool is_reply, unsigned copy_number) {
  Kind& kind = is_reply ? replies_ : requests_;
  if (copy_number == 0) ++kind.frames;
  if (copy_number == 1) ++kind.doubled;
}

bool Copies::all_are_doubled() const {
  return requests_.is_doubled() && replies_.is_doubled();
}

}  // namespace aoe::harness
