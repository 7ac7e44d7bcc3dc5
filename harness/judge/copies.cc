#include "harness/judge/copies.h"

#include <algorithm>
#include <array>
#include <functional>

#include "proto/layout.h"

namespace aoe::harness {
namespace {

constexpr std::size_t mac_size = 6;

/// How much of a frame header and Arg take, as far as they say it.
std::size_t told_size(Bytes frame) {
  const std::uint8_t flags = layout::get<Field::flags>(frame);
  if ((flags & flag_response) != 0 && (flags & flag_error) != 0) return header_size;
  switch (static_cast<Command>(layout::get<Field::command>(frame))) {
    case Command::ata: return ata_header_size;
    case Command::config: return config_header_size + layout::get<Field::config_length>(frame);
    default: return frame_size_min;
  }
}

/// What all copies of a frame have in common. The rest is zero, as padding is.
using Head = std::array<std::uint8_t, frame_size_min>;
Head head_of(Bytes frame) {
  Head head{};
  std::ranges::copy(frame.first(std::min(frame.size(), head.size())), head.begin());
  const std::size_t size = std::min(told_size(head), head.size());
  std::ranges::fill(head.begin() + static_cast<std::ptrdiff_t>(size), head.end(), std::uint8_t{0});
  return head;
}

}  // namespace

unsigned Copies::copy_number(Bytes frame, Instant now) {
  // A capture of all interfaces has the destination of a broadcast where it came in, and none where it
  // went out again.
  const Mac destination = layout::get<Field::destination>(frame);
  const Head head = head_of(frame);
  const bool is_broadcast = destination == Mac::broadcast() || destination == Mac{};
  const Bytes common = Bytes(head).subspan(is_broadcast ? mac_size : 0);
  const std::string_view text(reinterpret_cast<const char*>(common.data()), common.size());
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

void CopyCounts::watch(bool is_reply, unsigned copy_number) {
  Kind& kind = is_reply ? replies_ : requests_;
  if (copy_number == 0) ++kind.frames;
  if (copy_number == 1) ++kind.doubled;
}

}  // namespace aoe::harness
