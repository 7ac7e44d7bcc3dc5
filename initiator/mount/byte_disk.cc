#include "initiator/mount/byte_disk.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/frame.h"

namespace aoe::initiator {
namespace {

using boost::system::error_code;

constexpr std::size_t unused_buffers_max = 16;
constexpr std::size_t zeros_size = 1 << 20;

std::uint64_t round_down(std::uint64_t bytes) {
  return bytes - bytes % sector_size;
}

std::uint64_t round_up(std::uint64_t bytes) {
  return round_down(bytes + sector_size - 1);
}

Bytes zeros(std::uint64_t size) {
  static const std::vector<std::uint8_t> block(zeros_size);
  return Bytes(block).first(std::min<std::uint64_t>(size, zeros_size));
}

}  // namespace

std::vector<std::uint8_t> ByteDisk::take_buffer(std::size_t size) {
  std::vector<std::uint8_t> buffer;
  if (!unused_buffers_.empty()) {
    buffer = std::move(unused_buffers_.back());
    unused_buffers_.pop_back();
  }
  // Never shrunk: to grow again would cost clearing it.
  if (buffer.size() < size) buffer.resize(size);
  return buffer;
}

void ByteDisk::read(std::uint64_t offset, std::size_t size, ReadDone done) {
  const std::uint64_t start = round_down(offset);
  const std::size_t length = round_up(offset + size) - start;
  auto buffer = std::make_shared<std::vector<std::uint8_t>>(take_buffer(length));
  const MutableBytes into = MutableBytes(*buffer).first(length);
  disk_.read(start, into,
             [this, buffer, wanted = Bytes(into).subspan(offset - start, size),
              done = std::move(done)](error_code error) {
               done(error, error ? Bytes() : wanted);
               if (unused_buffers_.size() < unused_buffers_max) {
                 unused_buffers_.push_back(std::move(*buffer));
               }
             });
}

void ByteDisk::write(std::uint64_t offset, Bytes from, Done done) {
  const std::uint64_t end = offset + from.size();
  updates_.push_back({.first = offset / sector_size,
                      .last = (end - 1) / sector_size,
                      .in_part = offset % sector_size != 0 || end % sector_size != 0,
                      .offset = offset,
                      .from = from,
                      .done = std::move(done)});
  start_what_can();
}

void ByteDisk::flush(Done done) {
  disk_.flush(std::move(done));
}

bool ByteDisk::must_wait(Updates::const_iterator update) const {
  return std::any_of(updates_.begin(), update, [&](const Update& earlier) {
    return earlier.first <= update->last && update->first <= earlier.last;
  });
}

void ByteDisk::start_what_can() {
  for (auto update = updates_.begin(); update != updates_.end();) {
    const auto next = std::next(update);
    if (!update->started && !must_wait(update)) {
      if (update->in_part) {
        start_in_part(update);
      } else {
        // Whole sectors: from here on the disk itself keeps the order.
        disk_.write(update->offset, update->from, std::move(update->done));
        updates_.erase(update);
      }
    }
    update = next;
  }
}

void ByteDisk::start_in_part(Updates::iterator update) {
  update->started = true;
  const std::uint64_t sectors = update->last - update->first + 1;
  update->sectors.resize(sectors * sector_size);
  const auto read_sector = [&](std::uint64_t sector) {
    ++update->reads;
    const MutableBytes into =
        MutableBytes(update->sectors).subspan((sector - update->first) * sector_size, sector_size);
    disk_.read(sector * sector_size, into, [this, update](error_code error) {
      if (error) update->error = error;
      if (--update->reads == 0) write_back(update);
    });
  };
  const std::uint64_t end = update->offset + update->from.size();
  if (update->offset % sector_size != 0) read_sector(update->first);
  const bool first_is_read = update->reads == 1;
  if (end % sector_size != 0 && !(first_is_read && sectors == 1)) read_sector(update->last);
}

void ByteDisk::write_back(Updates::iterator update) {
  const auto finish = [this, update](error_code error) {
    const Done done = std::move(update->done);
    updates_.erase(update);
    start_what_can();
    done(error);
  };
  if (update->error) return finish(update->error);
  const std::uint64_t skip = update->offset % sector_size;
  std::ranges::copy(update->from, update->sectors.begin() + static_cast<std::ptrdiff_t>(skip));
  disk_.write(update->first * sector_size, update->sectors, finish);
}

void ByteDisk::zero(std::uint64_t offset, std::uint64_t length, Done done) {
  const std::uint64_t start = round_up(offset);
  const std::uint64_t end = round_down(offset + length);
  if (!can_punch() || start >= end) return write_zeros(offset, length, std::move(done));
  // The sectors at the edges are zeroed in part.
  const std::uint64_t head = start - offset;
  const std::uint64_t tail = offset + length - end;
  auto after_head = [this, start, end, tail, done = std::move(done)](error_code error) mutable {
    if (error) return done(error);
    disk_.trim(start, end - start, [this, end, tail, done = std::move(done)](error_code error) {
      if (error || tail == 0) return done(error);
      write(end, zeros(tail), done);
    });
  };
  if (head == 0) return after_head({});
  write(offset, zeros(head), std::move(after_head));
}

void ByteDisk::write_zeros(std::uint64_t offset, std::uint64_t length, Done done) {
  const Bytes block = zeros(length);
  write(offset, block,
        [this, offset, length, written = block.size(), done = std::move(done)](error_code error) {
          if (error || written == length) return done(error);
          write_zeros(offset + written, length - written, done);
        });
}

}  // namespace aoe::initiator
