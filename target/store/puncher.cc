#include "target/store/puncher.h"

namespace aoe::target {

Puncher::Puncher(const File& file, std::uint64_t offset, DiskQueue& queue)
    : can_punch_(file.can_punch()), start_(offset), queue_(queue) {
  kind = Kind::punch;
  descriptor = file.descriptor();
}

void Puncher::start(StoreOperation& trim) {
  if (!can_punch_) {
    ++finished_;
    return trim.done({});
  }
  waiting_.push_back(&trim);
  if (waiting_.size() > 1) return;
  ranges_.emplace(trim.from);
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
  ++finished_;
  // What done() starts waits behind it.
  waiting_.front()->done(error);
  waiting_.pop_front();
  if (waiting_.empty()) return;
  ranges_.emplace(waiting_.front()->from);
  next_range();
}

void Puncher::done(int result) {
  const std::error_code error = result < 0 ? error_of(-result) : punched(range_);
  if (error) {
    end(error);
  } else {
    next_range();
  }
}

}  // namespace aoe::target
