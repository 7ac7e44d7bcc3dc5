#include "target/store/flusher.h"

#include <utility>

namespace aoe::target {

void Flusher::start(StoreOperation& flush) {
  if (error_) {
    ++finished_;
    return flush.done(error_);
  }
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
  // While current_ is not empty, what done() starts waits.
  for (StoreOperation* const flush : current_) {
    ++finished_;
    flush->done(error);
  }
  current_.clear();
  next_round();
}

FileFlusher::FileFlusher(const File& file, std::uint64_t end, DiskQueue& queue)
    : file_(file), end_(end), queue_(queue) {
  kind = Kind::sync;
  descriptor = file.descriptor();
}

void FileFlusher::done(int result) {
  if (result < 0) return end_round(error_of(-result));
  end_round(file_.reaches(end_) ? std::error_code{} : error_of(EIO));
}

}  // namespace aoe::target
