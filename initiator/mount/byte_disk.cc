#include "initiator/mount/byte_disk.h"

#include <algorithm>
#include <memory>
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

SectorDisk::Done after(int times, SectorDisk::Done done) {
  struct State {
    int left;
    SectorDisk::Done done;
    error_code error{};
  };
  return [state = std::make_shared<State>(State{times, std::move(done)})](error_code error) {
    if (error) state->error = error;
    if (--state->left == 0) state->done(state->error);
  };
}

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

void ByteDisk::read(std::uint64_t offset, std::size_t size, ReadDone done, CancelSlot slot) {
  const std::uint64_t start = round_down(offset);
  const std::size_t length = round_up(offset + size) - start;
  auto buffer = std::make_shared<std::vector<std::uint8_t>>(take_buffer(length));
  const MutableBytes into = MutableBytes(*buffer).first(length);
  disk_.read(
      start, into,
      [this, buffer, wanted = Bytes(into).subspan(offset - start, size),
       done = std::move(done)](error_code error) {
        done(error, error ? Bytes() : wanted);
        if (unused_buffers_.size() < unused_buffers_max) {
          unused_buffers_.push_back(std::move(*buffer));
        }
      },
      slot);
}

void ByteDisk::write(std::uint64_t offset, Bytes from, Done done, CancelSlot slot) {
  const std::uint64_t end = offset + from.size();
  const bool in_part = offset % sector_size != 0 || end % sector_size != 0;
  updates_.push_back({.first = offset / sector_size,
                      .last = (end - 1) / sector_size,
                      .kind = in_part ? Update::Kind::in_part : Update::Kind::whole,
                      .offset = offset,
                      .from = from,
                      .done = std::move(done),
                      .slot = slot});
  start_what_can();
}

void ByteDisk::flush(Done done, CancelSlot slot) {
  disk_.flush(std::move(done), slot);
}

void ByteDisk::write_sectors(std::uint64_t offset, Bytes from, Done done, CancelSlot slot) {
  tell_change(offset, from.size());
  disk_.write(offset, from, std::move(done), slot);
}

void ByteDisk::tell_change(std::uint64_t offset, std::uint64_t length) const {
  for (ChangeListener* const listener : listeners_) listener->changed(offset, length);
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
      switch (update->kind) {
        case Update::Kind::in_part: start_in_part(update); break;
        case Update::Kind::zeros: start_zeros(update); break;
        case Update::Kind::whole:
          // From here on the disk itself keeps the order.
          write_sectors(update->offset, update->from, std::move(update->done), update->slot);
          updates_.erase(update);
          break;
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
    disk_.read(sector * sector_size, into,
               [this, update](error_code error) {
                 if (error) update->error = error;
                 if (--update->reads == 0) write_back(update);
               },
               {});
  };
  const std::uint64_t end = update->offset + update->from.size();
  if (update->offset % sector_size != 0) read_sector(update->first);
  const bool first_is_read = update->reads == 1;
  if (end % sector_size != 0 && !(first_is_read && sectors == 1)) read_sector(update->last);
}

void ByteDisk::write_back(Updates::iterator update) {
  if (update->error) return finish(update, update->error);
  const std::uint64_t skip = update->offset % sector_size;
  std::ranges::copy(update->from, update->sectors.begin() + static_cast<std::ptrdiff_t>(skip));
  write_sectors(update->first * sector_size, update->sectors,
                [this, update](error_code error) { finish(update, error); }, {});
}

void ByteDisk::finish(Updates::iterator update, error_code error) {
  const Done done = std::move(update->done);
  updates_.erase(update);
  start_what_can();
  done(error);
}

void ByteDisk::zero(std::uint64_t offset, std::uint64_t length, Done done, CancelSlot slot) {
  const std::uint64_t start = round_up(offset);
  const std::uint64_t end = round_down(offset + length);
  if (start >= end) return write(offset, zeros(length), std::move(done));
  // The sectors at the edges are zeroed in part.
  const std::uint64_t head = start - offset;
  const std::uint64_t tail = offset + length - end;
  const Done part = after(1 + (head > 0 ? 1 : 0) + (tail > 0 ? 1 : 0), std::move(done));
  if (head > 0) write(offset, zeros(head), part);
  updates_.push_back({.first = start / sector_size,
                      .last = end / sector_size - 1,
                      .kind = Update::Kind::zeros,
                      .offset = start,
                      .done = part,
                      .slot = slot});
  start_what_can();
  if (tail > 0) write(end, zeros(tail), part);
}

void ByteDisk::start_zeros(Updates::iterator update) {
  if (!can_punch()) {
    update->started = true;
    return write_zeros(update);
  }
  // The disk keeps the order, as of whole sectors.
  const std::uint64_t sectors = update->last - update->first + 1;
  tell_change(update->offset, sectors * sector_size);
  disk_.trim(update->offset, sectors * sector_size, std::move(update->done), update->slot);
  updates_.erase(update);
}

void ByteDisk::write_zeros(Updates::iterator update) {
  const std::uint64_t end = (update->last + 1) * sector_size;
  const Bytes block = zeros(end - update->offset);
  write_sectors(
      update->offset, block,
      [this, update, end, size = block.size()](error_code error) {
        update->offset += size;
        if (error || update->offset == end) return finish(update, error);
        write_zeros(update);
      },
      update->slot);
}

}  // namespace aoe::initiator
