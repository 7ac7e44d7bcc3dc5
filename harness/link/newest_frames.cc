#include "harness/link/newest_frames.h"

#include <algorithm>

namespace aoe::harness {

void NewestFrames::add(Bytes frame) {
  if (frame.size() > room_) {
    places_.clear();
    next_ = 0;
    return;
  }
  // The oldest frames stand behind `next_`, in order; the newest before it.
  const auto make_room_until = [this](std::size_t end) {
    while (!places_.empty() && places_.front().begin >= next_ && places_.front().begin < end)
      places_.pop_front();
  };
  if (next_ + frame.size() > room_) {  // what is left at the end stays unused
    make_room_until(room_);
    next_ = 0;
  }
  make_room_until(next_ + frame.size());
  places_.push_back({next_, frame.size()});
  std::ranges::copy(frame, bytes_.get() + next_);
  next_ += frame.size();
}

}  // namespace aoe::harness
