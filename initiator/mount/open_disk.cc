#include "initiator/mount/open_disk.h"

#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace aoe::initiator {

void OpenDisk::read(std::uint64_t offset, MutableBytes into, Done done) {
  if (!disk_) return abort(std::move(done));
  disk_->async_read(offset, into, std::move(done));
}

void OpenDisk::write(std::uint64_t offset, Bytes from, Done done) {
  if (!disk_) return abort(std::move(done));
  disk_->async_write(offset, from, std::move(done));
}

void OpenDisk::flush(Done done) {
  if (!disk_) return abort(std::move(done));
  disk_->async_flush(std::move(done));
}

void OpenDisk::trim(std::uint64_t offset, std::uint64_t length, Done done) {
  if (!disk_) return abort(std::move(done));
  disk_->async_trim(offset, length, std::move(done));
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
