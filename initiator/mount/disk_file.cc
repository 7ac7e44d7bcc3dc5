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
  in_turn([this, start = extent.start, offset, bytes, synchronous, done = std::move(done)] {
    const std::uint64_t end = offset + bytes.size();
    if (!truncated_ || offset <= end_) {
      end_ = std::max(end_, end);
      return write_now(start + offset, bytes, synchronous, done);
    }
    fill(start, offset, [this, start, offset, bytes, synchronous, done](error_code error) {
      if (error) return done(errno_of(error), 0);
      end_ = offset + bytes.size();
      write_now(start + offset, bytes, synchronous, done);
    });
  });
}

void DiskFile::write_now(std::uint64_t at, Bytes from, bool synchronous, Done done) {
  disk_.write(at, from,
              [this, size = from.size(), synchronous, done = std::move(done)](error_code error) {
                if (error || !synchronous) return done(errno_of(error), size);
                disk_.flush([size, done](error_code flushed) { done(errno_of(flushed), size); });
              });
}

void DiskFile::flush(Done done) {
  disk_.flush([done = std::move(done)](error_code error) { done(errno_of(error), 0); });
}

void DiskFile::extend(const Extent& extent, std::uint64_t offset, Done done) {
  if (offset > extent.size) return done(EFBIG, 0);
  in_turn([this, start = extent.start, offset, done = std::move(done)] {
    if (!truncated_ || offset <= end_) return done(0, 0);
    was_written_ = true;
    fill(start, offset, [this, offset, done](error_code error) {
      if (!error) end_ = offset;
      done(errno_of(error), 0);
    });
  });
}

void DiskFile::zero(const Extent& extent, std::uint64_t offset, std::uint64_t length, bool punch,
                    Done done) {
  if (length == 0 || offset > extent.size || length > extent.size - offset) {
    return done(EINVAL, 0);
  }
  if (punch && !disk_.can_punch()) return done(EOPNOTSUPP, 0);
  was_written_ = true;
  in_turn([this, at = extent.start + offset, length, done = std::move(done)] {
    disk_.zero(at, length, [done](error_code error) { done(errno_of(error), 0); });
  });
}

void DiskFile::in_turn(std::function<void()> change) {
  if (filling_) {
    waiting_.push_back(std::move(change));
  } else {
    change();
  }
}

void DiskFile::fill(std::uint64_t start, std::uint64_t offset, ByteDisk::Done done) {
  filling_ = true;
  disk_.zero(start + end_, offset - end_, [this, done = std::move(done)](error_code error) {
    filling_ = false;
    done(error);
    while (!filling_ && !waiting_.empty()) {
      const auto change = std::move(waiting_.front());
      waiting_.pop_front();
      change();
    }
  });
}

}  // namespace aoe::initiator
