#include "target/service/reply_batch.h"

#include <utility>

#include "base/check.h"

namespace aoe::target {

void ReplyBatch::fit(std::size_t size) {
  AOE_CHECK(count_ == 0);
  if (size <= reply_size_) return;
  reply_size_ = size;
  scratch_.resize(size);
  frames_.clear();
}

MutableBytes ReplyBatch::next_frame() {
  if (frames_.empty()) frames_.resize(batch_size * reply_size_);
  return MutableBytes(frames_).subspan(count_ * reply_size_, reply_size_);
}

void ReplyBatch::add(ServedLun* lun, Bytes frame) {
  AOE_CHECK(count_ < batch_size);
  entries_[count_].lun = lun;
  entries_[count_].unreadable = false;
  replies_[count_++] = {frame, {}};
}

void ReplyBatch::add_copy(ServedLun* lun, Bytes frame) {
  const MutableBytes place = frame.size() <= head_size ? next_head() : next_frame();
  copy(frame, place);
  add(lun, place.first(frame.size()));
}

void ReplyBatch::add_from_store(ServedLun& lun, const PendingReply& pending, Bytes head,
                                Bytes data) {
  AOE_CHECK(count_ < batch_size);
  Entry& entry = entries_[count_];
  entry = {&lun, pending, false};
  replies_[count_++] = {head, data, &entry.unreadable};
}

std::span<const ReplyBatch::Entry> ReplyBatch::send(FramePort& port) {
  const std::size_t count = std::exchange(count_, 0);
  if (count > 0) port.send(std::span(replies_).first(count));
  return std::span(entries_).first(count);
}

}  // namespace aoe::target
