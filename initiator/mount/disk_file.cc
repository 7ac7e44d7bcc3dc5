#include "initiator/mount/disk_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace aoe::initiator {

using boost::system::error_code;

int errno_of(const error_code& error) {
  if (!error) return 0;
  return error == boost::system::errc::operation_not_supported ? EOPNOTSUPP : EIO;
}

DiskFile::DiskFile(ByteDisk& disk, std::uint64_t& end, bool truncated)
    : disk_(disk), end_(end), truncated_(truncated) {
  if (truncated) end_ = 0;
}

void DiskFile::read(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done) {
  if (offset >= extent.size || size == 0) return done(0, {});
  disk_.read(
      extent.start + offset, std::min<std::uint64_t>(size, extent.size - offset),
      [done = std::move(done)](error_code error, Bytes bytes) { done(errno_of(error), bytes); });
}

void DiskFile::write(const Extent& extent, std::uint64_t offset, Bytes from, bool synchronous,
                     Done done) {
  if (from.empty()) return done(0, 0);
  if (offset >= extent.size) return done(ENOSPC, 0);
  const Bytes bytes = from.first(std::min<std::uint64_t>(from.size(), extent.size - offset));
  was_written_ = true;
  auto written = [this, size = bytes.size(), synchronous,
                  done = std::move(done)](error_code error) {
    if (error || !synchronous) return done(errno_of(error), size);
    disk_.flush([size, done](error_code flushed) { done(errno_of(flushed), size); });
  };
  const std::uint64_t gap = std::exchange(end_, std::max(end_, offset + bytes.size()));
  if (!truncated_ || offset <= gap) {
    return disk_.write(extent.start + offset, bytes, std::move(written));
  }
  const ByteDisk::Done part = after(2, std::move(written));
  disk_.zero(extent.start + gap, offset - gap, part);
  disk_.write(extent.start + offset, bytes, part);
}

void DiskFile::flush(Done done) {
  disk_.flush([done = std::move(done)](error_code error) { done(errno_of(error), 0); });
}

void DiskFile::extend(const Extent& extent, std::uint64_t offset, Done done) {
  if (offset > extent.size) return done(EFBIG, 0);
  if (!truncated_ || offset <= end_) return done(0, 0);
  was_written_ = true;
  const std::uint64_t gap = std::exchange(end_, offset);
  disk_.zero(extent.start + gap, offset - gap,
             [done = std::move(done)](error_code error) { done(errno_of(error), 0); });
}

void DiskFile::zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, bool punch,
                    Done done) {
  if (length == 0 || offset > extent.size || length > extent.size - offset) {
    return done(EINVAL, 0);
  }
  if (punch && !disk_.can_punch()) return done(EOPNOTSUPP, 0);
  was_written_ = true;
  disk_.zero(extent.start + offset, length,
             [done = std::move(done)](error_code error) { done(errno_of(error), 0); });
}

}  // namespace aoe::initiator
