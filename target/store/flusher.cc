#include "target/store/flusher.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/descriptor.h"

namespace aoe::target {

Flusher::Flusher(const File& file, std::uint64_t end, DiskQueue& queue)
    : queue_(queue), file_(file), end_(end) {
  file.aim(*this);
}

void Flusher::cut(std::uint64_t end) {
  end_ = std::min(end_, end);
}

void Flusher::start(Operation& flush) {
  if (error_) return flush.done(error_);
  waiting_.push_back(flush);
  if (!is_busy_) next_round();
}

void Flusher::next_round() {
  while (!waiting_.empty()) {
    is_busy_ = true;
    current_.swap(waiting_);
    if (error_) {
      tell(error_);
      continue;
    }
    try {
      return begin_round();
    } catch (const std::bad_alloc&) {
      tell(error_of(EAGAIN));
    }
  }
  is_busy_ = false;
}

void Flusher::end_round(std::error_code error) {
  if (!error_ && error != error_of(EAGAIN)) error_ = error;
  tell(error);
  next_round();
}

/// Ends the flushes of a round. Those that done() starts wait.
void Flusher::tell(std::error_code error) {
  while (!current_.empty()) {
    Operation& flush = current_.front();
    current_.pop_front();
    flush.done(error);
  }
}

void Flusher::begin_round() {
  sync();
}

void Flusher::sync() {
  kind = Kind::flush;
  length = file_.is_device() ? 0 : end_;
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
