#include "harness/import/captured_end.h"

#include <algorithm>
#include <utility>

#include "proto/layout.h"

namespace aoe::harness {

void CapturedTarget::arrived(Bytes frame) {
  const auto is_this = [&](const AnsweredRequest& one) {
    return std::ranges::equal(one.request, frame);
  };
  const auto next = requests_.begin() + static_cast<std::ptrdiff_t>(next_);
  auto found = std::find_if(next, requests_.end(), is_this);
  if (found == requests_.end()) {  // a scenario asks once more what it got no answer to
    found = std::find_if(requests_.begin(), next, is_this);
    if (found == next) {
      if (layout::has(Field::tag, frame)) tags_.push_back(layout::get<Field::tag>(frame));
      return Mutant::arrived(frame);
    }
  } else {
    next_ = static_cast<std::size_t>(found - requests_.begin()) + 1;
  }
  for (const auto& reply : found->replies) sides_.to_link(reply);
}

void CapturedTarget::sent(Bytes frame) {
  const bool is_answer = layout::has(Field::tag, frame) &&
                         std::ranges::find(tags_, layout::get<Field::tag>(frame)) != tags_.end();
  Mutant::sent(is_answer || announcement_.empty() ? frame : Bytes(announcement_));
}

void CapturedInitiator::sent(Bytes frame) {
  Mutant::sent(frame);
  const bool is_ata = layout::has(Field::command, frame) &&
                      layout::get<Field::command>(frame) == static_cast<std::uint8_t>(Command::ata);
  if (!is_early_ && !is_ata) return;
  for (const auto& request : std::exchange(requests_, {})) sides_.to_link(request);
}

}  // namespace aoe::harness
