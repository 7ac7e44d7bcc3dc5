#include "target/store/flusher.h"

#include <utility>

namespace aoe::target {

Flusher::Flusher(const File& file, std::uint64_t end, DiskQueue& queue)
    : queue_(queue), file_(file), end_(end) {
  file.aim(*this);
  if (!file.is_device()) length = end;
}

void Flusher::start(Operation& flush) {
  if (error_) return flush.done(error_);
  waiting_.push_back(&flush);
  if (current_.empty()) next_round();
}

void Flusher::next_round() {
  if (waiting_.empty()) return;
  std::swap(current_, waiting_);
  if (error_) return end_round(error_);
  begin_round();
}

void Flusher::end_round(std::error_code error) {
  if (!error_) error_ = error;
  // While current_ is not empty, flushes that done() starts wait.
  for (Operation* const flush : current_) flush->done(error);
  current_.clear();
  next_round();
}

void Flusher::begin_round() {
  sync();
}

void Flusher::sync() {
  kind = Kind::flush;
  queue_.start(*this);
}

void Flusher::done(std::error_code error) {
  end_round(error ? error : lost_data());
}

/// Of a regular file the queue says so, for whose size one may have to wait.
std::error_code Flusher::lost_data() const {
  return !file_.is_device() || file_.reaches(end_) ? std::error_code{} : error_of(EIO);
}

}  // namespace aoe::target
