// The replies to a batch of requests, until they are sent together: their buffers, and what is
// needed once they are sent.
//
// Owned by Service. Replies of at most 64 bytes, and heads of replies whose data is sent from where
// a store has it, lie close together; longer ones have a place of their own. Allocates nothing once
// the buffers are as long as the links need.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "target/lun/lun.h"
#include "target/service/served_lun.h"
#include "wire/frame_port.h"

namespace aoe::target {

class ReplyBatch {
 public:
  /// What is known of a reply besides its bytes.
  struct Entry {
    ServedLun* lun = nullptr;  // null for a frame that no LUN counts as a reply
    PendingReply pending{};    // set where `unreadable` may be
    bool unreadable = false;   // the port could not read the store's memory, and did not send it
  };

  /// Returns whether one more reply of `size` bytes may be added; if not, send() and then fit().
  bool has_room(std::size_t size) const { return count_ < batch_size && size <= reply_size_; }
  /// Makes the buffers fit replies of `size` bytes. The batch is empty.
  void fit(std::size_t size);

  /// Room for any reply; good until the next add().
  MutableBytes scratch() { return scratch_; }
  /// The place for the head, or for all, of the reply that is added next: 64 bytes.
  MutableBytes next_head() { return heads_[count_]; }
  /// The place for a reply of any size that is added next.
  MutableBytes next_frame();

  /// Adds a reply that was written to one of these places.
  void add(ServedLun* lun, Bytes frame) {
    entry(lun).unreadable = false;
    replies_[count_++] = {frame, {}};
  }
  /// Adds a copy of a reply that lies elsewhere.
  void add_copy(ServedLun* lun, Bytes frame);
  /// Adds a reply whose data stays where the store has it.
  void add_from_store(ServedLun& lun, const PendingReply& pending, Bytes head, Bytes data) {
    Entry& added = entry(&lun);
    added.pending = pending;
    added.unreadable = false;
    replies_[count_++] = {head, data, &added.unreadable};
  }

  /// Sends the replies and empties the batch. Returns their entries, valid until the next add().
  std::span<const Entry> send(FramePort& port) {
    const std::size_t count = std::exchange(count_, 0);
    if (count > 0) port.send(std::span(replies_).first(count));
    return std::span(entries_).first(count);
  }

 private:
  Entry& entry(ServedLun* lun) {
    AOE_CHECK(count_ < batch_size);
    entries_[count_].lun = lun;
    return entries_[count_];
  }

  static constexpr std::size_t head_size = 64;

  std::size_t count_ = 0;
  std::size_t reply_size_ = 0;
  std::array<Outgoing, batch_size> replies_;
  std::array<Entry, batch_size> entries_;
  alignas(head_size) std::array<std::array<std::uint8_t, head_size>, batch_size> heads_{};
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint8_t> frames_;
};

}  // namespace aoe::target
