#include "target/service/reply_batch.h"

namespace aoe::target {

void ReplyBatch::fit(std::size_t size) {
  AOE_CHECK(count_ == 0);
  if (size <= reply_size_) return;
  scratch_.resize(size);
  frames_.clear();
  reply_size_ = size;
}

MutableBytes ReplyBatch::next_frame() {
  if (frames_.empty()) frames_.resize(batch_size * reply_size_);
  return MutableBytes(frames_).subspan(count_ * reply_size_, reply_size_);
}

void ReplyBatch::add_copy(ServedLun* lun, Bytes frame) {
  const MutableBytes place = frame.size() <= head_size ? next_head() : next_frame();
  copy(frame, place);
  add(lun, place.first(frame.size()));
}

}  // namespace aoe::target
