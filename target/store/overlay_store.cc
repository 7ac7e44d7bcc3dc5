#include "target/store/overlay_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/descriptor.h"

namespace aoe::target {
namespace {

using Block = std::array<std::uint8_t, OverlayStore::block_size>;

/// Opens the delta of a store over this part of a base; makes an empty one.
tl::expected<OverlayFile, std::string> open_delta(File file, const OverlayBase& base,
                                                  ByteRange range, const std::string& boot_id) {
  if (!file.is_device() && file.size() == 0) {
    const auto header = OverlayHeader::over(base, range);
    if (!header) return tl::unexpected(header.error());
    return OverlayFile::make(std::move(file), *header, boot_id);
  }
  auto delta = OverlayFile::open(std::move(file), boot_id);
  if (!delta) return delta;
  if (const std::string why = delta->objection_to(base, range); !why.empty()) {
    return tl::unexpected(fmt::format("{}: {}", delta->file.path(), why));
  }
  return delta;
}

}  // namespace

tl::expected<std::unique_ptr<OverlayStore>, std::string> OverlayStore::open(
    std::unique_ptr<Store> base, OverlayBase about, ByteRange range, File delta_file,
    DiskQueue& queue, Handover& handover, const std::string& boot_id) {
  auto delta = open_delta(std::move(delta_file), about, range, boot_id);
  if (!delta) return tl::unexpected(delta.error());
  if (const auto begun = delta->begin(); !begun) return tl::unexpected(begun.error());
  const OverlayLayout layout = delta->layout;
  auto data = Mapping::open(delta->file, {layout.data_at, range.length}, true, handover);
  if (!data) return tl::unexpected(data.error());
  auto live = Mapping::open(delta->file, {layout.live_at, layout.bitmap_size}, true, handover);
  if (!live) return tl::unexpected(live.error());
  const std::vector<std::uint8_t> stable = std::exchange(delta->stable, {});
  std::unique_ptr<OverlayStore> store(new OverlayStore(std::move(base), std::move(about),
                                                       *std::move(delta), *std::move(data),
                                                       *std::move(live), queue));
  for (std::uint64_t at = 0; at < layout.bitmap_size; at += block_size) {
    if (!std::ranges::equal(Bytes(store->delta_.live).subspan(at, block_size),
                            Bytes(stable).subspan(at, block_size))) {
      store->note_change(at / block_size);
    }
  }
  return store;
}

OverlayStore::OverlayStore(std::unique_ptr<Store> base, OverlayBase about, OverlayFile delta,
                           Mapping data, Mapping live, DiskQueue& queue)
    : base_(std::move(base)),
      about_base_(std::move(about)),
      delta_(std::move(delta)),
      data_(std::move(data)),
      live_(std::move(live)),
      is_changed_(delta_.layout.bitmap_size / block_size),
      queue_(queue),
      flusher_(*this),
      puncher_(*this) {
  changed_pages_.reserve(is_changed_.size());
}

StoreTraits OverlayStore::traits() const {
  const bool aligned = size() % block_size == 0;
  return {aligned ? static_cast<std::uint32_t>(block_size) : 512, delta_.file.can_punch(), false};
}

/// A read or write that has to wait for what it needs. It is done part by part: a part of the base is
/// read by the base, a page of the delta by the queue, which also writes: it may wait for that.
class OverlayStore::Fetch final : public Operation {
 public:
  Fetch(OverlayStore& store, Operation& wanted)
      : store_(store), wanted_(wanted), at_(wanted.offset) {}

  /// Goes on with the part at `at_`; may end this.
  void go_on();

 private:
  std::uint64_t end_of_all() const {
    return wanted_.offset + std::max(wanted_.into.size(), wanted_.from.size());
  }
  void read(std::uint64_t begin, bool in_delta);
  void read_base();
  void write();
  void done(std::error_code error) override;
  void end(std::error_code error);

  OverlayStore& store_;
  Operation& wanted_;
  std::uint64_t at_;  // everything before has been read or written
  Part part_{};       // under way
  Block block_;       // all of a block that is written in part, and that the delta hasn't
  bool reads_base_ = false;
  bool writes_ = false;
};

void OverlayStore::Fetch::go_on() {
  if (at_ == end_of_all()) return end({});
  const std::size_t left = end_of_all() - at_;
  if (wanted_.kind == Kind::read) {
    part_ = store_.first_part(at_, left);
    into = wanted_.into.subspan(at_ - wanted_.offset, part_.size);
    return read(at_, part_.in_delta);
  }
  part_ = store_.first_part_to_write(at_, left);
  if (part_.in_delta) {
    // In memory its pages can be written to in part.
    into = Mapping::room_for_unused(part_.size);
    return read(at_, true);
  }
  if (store_.is_whole(part_)) return write();
  const std::uint64_t begin = at_ / block_size * block_size;
  into = MutableBytes(block_).first(std::min(block_size, store_.size() - begin));
  read(begin, false);
}

/// Has `into` read; done() follows, perhaps at once.
void OverlayStore::Fetch::read(std::uint64_t begin, bool in_delta) {
  kind = Kind::read;
  offset = begin;
  if (!in_delta) return read_base();
  store_.delta_.file.aim(*this);
  offset += store_.delta_.layout.data_at;
  store_.queue_.start(*this);
}

void OverlayStore::Fetch::read_base() {
  reads_base_ = true;
  ++store_.reads_of_base_;
  try {
    store_.base_->start(*this);
  } catch (const std::bad_alloc&) {
    done(error_of(ENOMEM));
  }
}

/// Has the part under way written, for which all that it needs is there; done() follows.
void OverlayStore::Fetch::write() {
  kind = Kind::write;
  offset = part_.offset;
  from = wanted_.from.subspan(at_ - wanted_.offset, part_.size);
  if (!part_.in_delta && !store_.is_whole(part_)) {
    const std::uint64_t lead = part_.offset % block_size;
    offset -= lead;
    const MutableBytes block =
        MutableBytes(block_).first(std::min(block_size, store_.size() - offset));
    copy(from, block.subspan(lead));
    from = block;
  }
  store_.delta_.file.aim(*this);
  offset += store_.delta_.layout.data_at;
  writes_ = true;
  store_.queue_.start(*this);
}

/// May be called again after add(), if another thread has taken over meanwhile.
void OverlayStore::Fetch::done(std::error_code error) {
  if (std::exchange(reads_base_, false)) --store_.reads_of_base_;
  if (!error && wanted_.kind == Kind::write && !writes_) return write();
  if (!error && writes_ && !part_.in_delta) {
    if (store_.live_.is_stuck()) return write();  // once more, which takes as long as the disk does
    const std::uint64_t first = part_.offset / block_size;
    const std::uint64_t end = whole_overlay_blocks(part_.offset + part_.size) / block_size;
    error = store_.add(first, end - first);
  }
  if (error) return end(error);
  writes_ = false;
  at_ += part_.size;
  go_on();
}

void OverlayStore::Fetch::end(std::error_code error) {
  const auto own = std::ranges::find(store_.fetches_, this, &std::unique_ptr<Fetch>::get);
  const std::unique_ptr<Fetch> until_the_end = std::move(*own);
  store_.fetches_.erase(own);
  wanted_.done(error);
}

OverlayStore::~OverlayStore() {
  AOE_CHECK(fetches_.empty());
}

std::optional<std::error_code> OverlayStore::try_now(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::read: return read_now(operation);
    case Operation::Kind::write: return write_now(operation.offset, operation.from);
    case Operation::Kind::flush:
    case Operation::Kind::trim: break;
  }
  return std::nullopt;
}

std::string OverlayStore::trouble() const {
  if (!about_base_.has_changed()) return base_->trouble();
  return fmt::format("{} has changed under {}", about_base_.path, delta_.file.path());
}

void OverlayStore::start(Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::read:
    case Operation::Kind::write:
      fetches_.push_back(std::make_unique<Fetch>(*this, operation));
      return fetches_.back()->go_on();
    case Operation::Kind::flush: return flusher_.start(operation);
    case Operation::Kind::trim: return puncher_.start(operation);
  }
  AOE_CHECK(false && "an operation of no kind");
}

void OverlayStore::submit() {
  base_->submit();
  queue_.submit();
}

void OverlayStore::reap() {
  base_->reap();
  queue_.submit();  // a read that goes on in the delta
}

void OverlayStore::wait() {
  if (reads_of_base_ > 0) {
    base_->wait();
  } else {
    queue_.wait();
  }
}

OverlayStore::Part OverlayStore::first_part(std::uint64_t offset, std::size_t size) const {
  AOE_CHECK(offset <= this->size() && size <= this->size() - offset);
  const std::uint64_t block = offset / block_size;
  std::uint64_t end = block + 1;
  while (end * block_size < offset + size && delta_.has(end) == delta_.has(block)) ++end;
  return {offset, std::min<std::uint64_t>(end * block_size - offset, size), delta_.has(block)};
}

OverlayStore::Part OverlayStore::first_part_to_write(std::uint64_t offset, std::size_t size) const {
  Part part = first_part(offset, size);
  if (part.in_delta || is_whole(part)) return part;
  const std::uint64_t lead = offset % block_size;
  if (lead == 0 && part.size > block_size) {
    part.size -= part.size % block_size;
  } else {
    part.size = std::min<std::size_t>(part.size, block_size - lead);
  }
  return part;
}

bool OverlayStore::is_whole(const Part& part) const {
  const std::uint64_t end = part.offset + part.size;
  return part.offset % block_size == 0 && (end % block_size == 0 || end == size());
}

std::optional<std::error_code> OverlayStore::read_now(const Operation& read) {
  std::uint64_t offset = read.offset;
  MutableBytes into = read.into;
  while (!into.empty()) {
    const Part part = first_part(offset, into.size());
    const MutableBytes here = into.first(part.size);
    if (!part.in_delta && part.size == read.into.size()) return base_->try_now(read);
    if (part.in_delta) {
      if (!data_.is_at_hand(offset, part.size) || data_.read(offset, here)) return std::nullopt;
    } else if (const auto done = read_base_now(offset, here); !done || *done) {
      return done;
    }
    into = into.subspan(part.size);
    offset += part.size;
  }
  return std::error_code{};
}

std::optional<std::error_code> OverlayStore::read_base_now(std::uint64_t offset,
                                                           MutableBytes into) {
  AwaitedOperation read;
  read.kind = Operation::Kind::read;
  read.offset = offset;
  read.into = into;
  return base_->try_now(read);
}

std::optional<std::error_code> OverlayStore::write_now(std::uint64_t offset, Bytes from) {
  if (data_.is_stuck()) return std::nullopt;
  while (!from.empty()) {
    const Part part = first_part(offset, from.size());
    const Bytes here = from.first(part.size);
    std::optional<std::error_code> done;
    if (!part.in_delta) {
      done = write_new(offset, here);
    } else if (data_.is_at_hand(offset, part.size)) {
      done = data_.write(offset, here);
    }
    if (!done || *done) return done;
    from = from.subspan(part.size);
    offset += part.size;
  }
  return std::error_code{};
}

std::optional<std::error_code> OverlayStore::write_new(std::uint64_t offset, Bytes from) {
  while (!from.empty()) {
    const std::uint64_t begin = offset / block_size * block_size;
    Block room;
    const MutableBytes whole = MutableBytes(room).first(std::min(block_size, size() - begin));
    const std::size_t count = std::min(begin + whole.size() - offset, from.size());
    Bytes block = from.first(count);
    if (count < whole.size()) {
      if (const auto read = read_base_now(begin, whole); !read || *read) return read;
      copy(block, whole.subspan(offset - begin));
      block = whole;
    }
    if (const auto error = data_.write(begin, block)) return error;
    if (const auto error = add(begin / block_size, 1)) return error;
    from = from.subspan(count);
    offset += count;
  }
  return std::error_code{};
}

std::error_code OverlayStore::add(std::uint64_t first, std::uint64_t count) {
  for (const std::uint64_t end = first + count; first < end;) {
    const std::uint64_t byte = first / 8;
    const std::uint64_t here = std::min(end, (byte + 1) * 8) - first;
    const auto bits =
        static_cast<std::uint8_t>(delta_.live[byte] | ((1U << here) - 1) << first % 8);
    first += here;
    if (bits == delta_.live[byte]) continue;
    if (const auto error = live_.add_bits(byte, bits)) return error;
    delta_.live[byte] = bits;
    note_change(byte / block_size);
  }
  return {};
}

void OverlayStore::note_change(std::uint64_t page) {
  if (is_changed_[page]) return;
  is_changed_[page] = true;
  changed_pages_.push_back(page);
}

void OverlayStore::DeltaFlusher::begin_round() {
  bits_.clear();
  bits_.reserve(store_.changed_pages_.size() * block_size);
  pages_.reserve(store_.changed_pages_.capacity());  // they change places
  for (const std::uint64_t page : store_.changed_pages_) {
    const Bytes bits = Bytes(store_.delta_.live).subspan(page * block_size, block_size);
    bits_.insert(bits_.end(), bits.begin(), bits.end());
    store_.is_changed_[page] = false;
  }
  pages_.clear();
  std::swap(pages_, store_.changed_pages_);
  written_ = 0;
  step_ = Step::sync_data;
  sync();
}

/// Writes the next page.
void OverlayStore::DeltaFlusher::write_bits() {
  step_ = Step::write_bits;
  kind = Kind::write;
  offset = store_.delta_.layout.stable_at + pages_[written_] * block_size;
  from = Bytes(bits_).subspan(written_ * block_size, block_size);
  queue_.start(*this);
}

void OverlayStore::DeltaFlusher::done(std::error_code error) {
  if (!error && step_ == Step::sync_data) error = lost_data();
  if (error) {
    for (const std::uint64_t page : pages_) store_.note_change(page);
    return end_round(error);
  }
  if (step_ == Step::sync_bits) return end_round({});
  if (step_ == Step::write_bits) ++written_;
  if (written_ < pages_.size()) return write_bits();
  if (pages_.empty()) return end_round({});
  step_ = Step::sync_bits;
  sync();
}

ByteRange OverlayStore::DeltaPuncher::punchable(ByteRange range) const {
  const std::uint64_t begin = whole_overlay_blocks(range.offset);
  std::uint64_t end = range.offset + range.length;
  if (end != store_.size()) end = end / block_size * block_size;
  return begin < end ? ByteRange{begin, end - begin} : ByteRange{};
}

std::error_code OverlayStore::DeltaPuncher::punched(ByteRange range) {
  return store_.add(range.offset / block_size, whole_overlay_blocks(range.length) / block_size);
}

}  // namespace aoe::target
