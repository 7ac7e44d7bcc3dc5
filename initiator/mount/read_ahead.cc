#include "initiator/mount/read_ahead.h"

#include <algorithm>
#include <utility>

#include "proto/frame.h"

namespace aoe::initiator {

using boost::system::error_code;

struct ReadAhead::Piece {
  Piece(std::shared_ptr<Source> its_source, std::uint64_t its_offset, std::size_t its_size,
        Instant now)
      : source(std::move(its_source)), offset(its_offset), size(its_size), begun(now) {
    if (!source->unused.empty()) {
      buffer = std::move(source->unused.back());
      source->unused.pop_back();
    }
    // Never shrunk: to grow again would cost clearing it.
    if (buffer.size() < size) buffer.resize(size);
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() {
    constexpr std::size_t unused_max = 8;
    if (source->unused.size() < unused_max) source->unused.push_back(std::move(buffer));
    source->limit.leave(size);
  }

  Bytes bytes() const { return Bytes(buffer).first(size); }

  const std::shared_ptr<Source> source;
  const std::uint64_t offset;
  const std::size_t size;
  const Instant begun;
  std::vector<std::uint8_t> buffer;
  bool is_read = false;
  error_code error;
  ByteDisk::ReadDone waiting;  // who has asked for it before it was read
  boost::asio::cancellation_signal cancel;
};

ReadAhead::ReadAhead(std::shared_ptr<Source> source) : source_(std::move(source)) {
  source_->disk.listen(*this);
}

ReadAhead::~ReadAhead() {
  source_->disk.unlisten(*this);
  drop();
}

void ReadAhead::read(std::uint64_t offset, std::size_t size, std::uint64_t end,
                     ByteDisk::ReadDone done, CancelSlot slot, Instant now) {
  const bool goes_on = offset == next_ && offset % sector_size == 0 && size % sector_size == 0;
  next_ = offset + size;
  if (!goes_on || !has_next(offset, size, now)) {
    drop();
    pieces_max_ = goes_on ? 1 : 0;
    source_->disk.read(offset, size, std::move(done), slot);
    return go_on(size, end, now);
  }
  const std::shared_ptr<Piece> piece = std::move(pieces_.front());
  pieces_.pop_front();
  pieces_max_ = std::min(2 * pieces_max_, std::max<std::size_t>(held_max / size, 1));
  go_on(size, end, now);  // first, so that the disk has something to do
  if (piece->is_read) return done({}, piece->bytes());
  piece->waiting = std::move(done);
  if (slot.is_connected()) {
    slot.assign([piece](boost::asio::cancellation_type type) { piece->cancel.emit(type); });
  }
}

/// Whether what was read ahead begins with just this, and is good.
bool ReadAhead::has_next(std::uint64_t offset, std::size_t size, Instant now) const {
  if (pieces_.empty()) return false;
  const Piece& piece = *pieces_.front();
  return piece.offset == offset && piece.size == size && !piece.error &&
         now - piece.begun <= age_max;
}

/// Reads ahead as far as it may.
void ReadAhead::go_on(std::size_t size, std::uint64_t end, Instant now) {
  while (pieces_.size() < pieces_max_) {
    const std::uint64_t offset =
        pieces_.empty() ? next_ : pieces_.back()->offset + pieces_.back()->size;
    if (offset >= end) return;
    const std::size_t left = std::min<std::uint64_t>(size, end - offset);
    if (!source_->limit.try_enter(left)) {
      source_->disk.ask_for_room(now);
      if (!source_->limit.try_enter(left)) return;
    }
    const auto piece = std::make_shared<Piece>(source_, offset, left, now);
    pieces_.push_back(piece);
    const auto read = [piece](error_code error) {
      piece->is_read = true;
      piece->error = error;
      if (const auto done = std::exchange(piece->waiting, nullptr)) {
        done(error, error ? Bytes() : piece->bytes());
      }
    };
    source_->disk.read_sectors(offset, MutableBytes(piece->buffer).first(left), read,
                               piece->cancel.slot());
  }
}

void ReadAhead::drop() {
  for (const auto& piece : std::exchange(pieces_, {})) {
    if (!piece->is_read) piece->cancel.emit(boost::asio::cancellation_type::total);
  }
}

/// What is too old for its own file takes the room of others.
void ReadAhead::let_go(Instant now) {
  if (!pieces_.empty() && now - pieces_.front()->begun > age_max) drop();
}

void ReadAhead::changed(std::uint64_t offset, std::uint64_t length) {
  const bool is_hit = std::ranges::any_of(pieces_, [&](const auto& piece) {
    return offset < piece->offset + piece->size && piece->offset < offset + length;
  });
  if (is_hit) drop();
}

}  // namespace aoe::initiator
