#include "target/store/puncher.h"

#include <utility>

namespace aoe::target {

Puncher::Puncher(const File& file, std::uint64_t offset, DiskQueue& queue)
    : can_punch_(file.can_punch()), start_(offset), queue_(queue) {
  kind = Kind::trim;
  file.aim(*this);
}

void Puncher::start(Operation& trim) {
  if (!can_punch_) return trim.done({});
  waiting_.push_back(trim);
  if (!std::exchange(is_busy_, true)) next_trim();
}

void Puncher::next_trim() {
  is_busy_ = !waiting_.empty();
  if (!is_busy_) return;
  current_ = &waiting_.front();
  waiting_.pop_front();
  ranges_.emplace(current_->from);
  next_range();
}

void Puncher::next_range() {
  while (const auto trimmed = ranges_->next()) {
    range_ = punchable(*trimmed);
    if (range_.length == 0) continue;
    offset = start_ + range_.offset;
    length = range_.length;
    return queue_.start(*this);
  }
  end({});
}

void Puncher::end(std::error_code error) {
  current_->done(error);  // trims that this starts wait
  next_trim();
}

void Puncher::done(std::error_code error) {
  if (!error) error = punched(range_);
  if (error) {
    end(error);
  } else {
    next_range();
  }
}

}  // namespace aoe::target
