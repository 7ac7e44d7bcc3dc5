#include "initiator/mount/open_disk.h"

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace aoe::initiator {

using boost::asio::bind_cancellation_slot;

void OpenDisk::read(std::uint64_t offset, MutableBytes into, Done done, CancelSlot slot) {
  if (!disk_) return abort(std::move(done));
  disk_->async_read(offset, into, bind_cancellation_slot(slot, std::move(done)));
}

void OpenDisk::write(std::uint64_t offset, Bytes from, Done done, CancelSlot slot) {
  if (!disk_) return abort(std::move(done));
  disk_->async_write(offset, from, bind_cancellation_slot(slot, std::move(done)));
}

void OpenDisk::flush(Done done, CancelSlot slot) {
  if (!disk_) return abort(std::move(done));
  disk_->async_flush(bind_cancellation_slot(slot, std::move(done)));
}

void OpenDisk::trim(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot slot) {
  if (!disk_) return abort(std::move(done));
  disk_->async_trim(offset, length, bind_cancellation_slot(slot, std::move(done)));
}

bool OpenDisk::trim_zeroes() const {
  if (!disk_) return false;
  const std::optional<Identity> identity = disk_->status().identity;
  return identity && identity->trim && identity->trimmed_reads_zero;
}

void OpenDisk::abort(Done done) {
  boost::asio::post(loop_,
                    [done = std::move(done)] { done(boost::asio::error::operation_aborted); });
}

}  // namespace aoe::initiator
