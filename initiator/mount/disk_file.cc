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

DiskFile::DiskFile(ByteDisk& disk, Truncation& truncation, bool truncated)
    : disk_(disk), truncation_(truncation) {
  if (!truncated) return;
  hold();
  truncation_.end = 0;
}

DiskFile::~DiskFile() {
  if (holds_) --truncation_.holders;
}

void DiskFile::hold() {
  if (!std::exchange(holds_, true)) ++truncation_.holders;
}

std::uint64_t DiskFile::grow(std::uint64_t end) {
  if (truncation_.holders == 0) return end;
  return std::exchange(truncation_.end, std::max(truncation_.end, end));
}

std::uint64_t DiskFile::grow_for(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t end = grow(offset + size);
  return holds_ ? std::min(end, offset) : offset;
}

void DiskFile::read(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done,
                    CancelSlot slot) {
  if (offset >= extent.size || size == 0) return done(0, {});
  disk_.read(
      extent.start + offset, std::min<std::uint64_t>(size, extent.size - offset),
      [done = std::move(done)](error_code error, Bytes bytes) { done(errno_of(error), bytes); },
      slot);
}

void DiskFile::read_on(const Extent& extent, std::uint64_t offset, std::size_t size, ReadDone done,
                       CancelSlot slot, Instant now) {
  if (offset >= extent.size || size == 0) return done(0, {});
  ahead_->read(
      extent.start + offset, std::min<std::uint64_t>(size, extent.size - offset),
      extent.start + extent.size,
      [done = std::move(done)](error_code error, Bytes bytes) { done(errno_of(error), bytes); },
      slot, now);
}

void DiskFile::write(const Extent& extent, std::uint64_t offset, Bytes from, bool synchronous,
                     Done done, CancelSlot slot) {
  if (from.empty()) return done(0, 0);
  if (offset >= extent.size) return done(ENOSPC, 0);
  const Bytes bytes = from.first(std::min<std::uint64_t>(from.size(), extent.size - offset));
  was_written_ = true;
  auto written = [this, size = bytes.size(), synchronous, slot,
                  done = std::move(done)](error_code error) {
    if (error || !synchronous) return done(errno_of(error), size);
    disk_.flush([size, done](error_code flushed) { done(errno_of(flushed), size); }, slot);
  };
  const std::uint64_t gap = grow_for(offset, bytes.size());
  if (offset == gap) return disk_.write(extent.start + offset, bytes, std::move(written), slot);
  const ByteDisk::Done part = after(2, std::move(written));
  disk_.zero(extent.start + gap, offset - gap, part, slot);
  disk_.write(extent.start + offset, bytes, part);
}

void DiskFile::flush(Done done, CancelSlot slot) {
  disk_.flush([done = std::move(done)](error_code error) { done(errno_of(error), 0); }, slot);
}

void DiskFile::truncate(const Extent& extent, std::uint64_t size, Done done, CancelSlot slot) {
  if (size > extent.size) return done(EFBIG, 0);
  const std::uint64_t end = truncation_.holders == 0 ? extent.size : truncation_.end;
  if (size >= end) return allocate(extent, 0, size, std::move(done), slot);
  hold();
  was_cut_ = true;
  truncation_.end = size;
  done(0, 0);
}

void DiskFile::allocate(const Extent& extent, std::uint64_t offset, std::uint64_t length, Done done,
                        CancelSlot slot) {
  if (offset > extent.size || length > extent.size - offset) return done(ENOSPC, 0);
  const std::uint64_t end = offset + length;
  const std::uint64_t gap = grow(end);
  if (end <= gap) return done(0, 0);
  was_written_ = true;
  disk_.zero(
      extent.start + gap, end - gap,
      [done = std::move(done)](error_code error) { done(errno_of(error), 0); }, slot);
}

void DiskFile::zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, Zeros how,
                    bool keep_size, Done done, CancelSlot slot) {
  if (length == 0 || offset > extent.size || length > extent.size - offset) {
    return done(EINVAL, 0);
  }
  if (how == Zeros::punched && !disk_.can_punch()) return done(EOPNOTSUPP, 0);
  was_written_ = true;
  const std::uint64_t from = keep_size ? offset : grow_for(offset, length);
  disk_.zero(
      extent.start + from, offset + length - from,
      [done = std::move(done)](error_code error) { done(errno_of(error), 0); }, slot);
}

}  // namespace aoe::initiator
