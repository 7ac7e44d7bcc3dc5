#include "target/store/overlay_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace aoe::target {
namespace {

using Block = std::array<std::uint8_t, OverlayStore::block_size>;

constexpr std::uint64_t block_size = OverlayStore::block_size;

std::uint64_t round_up(std::uint64_t number, std::uint64_t unit) {
  return (number + unit - 1) / unit * unit;
}

/// Opens the delta of a store over this part of a base; makes an empty one.
tl::expected<OverlayFile, std::string> open_delta(File file, const File& base, ByteRange range,
                                                  const std::string& boot_id) {
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
    File base, ByteRange range, File delta_file, DiskQueue& queue, Handover& handover,
    const std::string& boot_id) {
  auto delta = open_delta(std::move(delta_file), base, range, boot_id);
  if (!delta) return tl::unexpected(delta.error());
  if (const auto begun = delta->begin(); !begun) return tl::unexpected(begun.error());
  const OverlayLayout layout = delta->layout;
  auto base_mapping = Mapping::open(base, range, false, handover);
  if (!base_mapping) return tl::unexpected(base_mapping.error());
  auto data = Mapping::open(delta->file, {layout.data_at, range.length}, true, handover);
  if (!data) return tl::unexpected(data.error());
  auto live = Mapping::open(delta->file, {layout.live_at, layout.bitmap_size}, true, handover);
  if (!live) return tl::unexpected(live.error());
  const std::vector<std::uint8_t> stable = std::exchange(delta->stable, {});
  std::unique_ptr<OverlayStore> store(new OverlayStore(std::move(base), *std::move(delta),
                                                       *std::move(base_mapping), *std::move(data),
                                                       *std::move(live), queue));
  for (std::uint64_t at = 0; at < layout.bitmap_size; at += block_size) {
    if (!std::ranges::equal(Bytes(store->delta_.live).subspan(at, block_size),
                            Bytes(stable).subspan(at, block_size))) {
      store->note_change(at / block_size);
    }
  }
  return store;
}

OverlayStore::OverlayStore(File base, OverlayFile delta, Mapping base_mapping, Mapping data,
                           Mapping live, DiskQueue& queue)
    : base_(std::move(base)),
      delta_(std::move(delta)),
      base_mapping_(std::move(base_mapping)),
      data_(std::move(data)),
      live_(std::move(live)),
      is_changed_(delta_.layout.bitmap_size / block_size),
      queue_(queue),
      flusher_(*this),
      puncher_(*this) {}

StoreTraits OverlayStore::traits() const {
  const bool aligned = size() % block_size == 0;
  return {aligned ? static_cast<std::uint32_t>(block_size) : 512, delta_.file.can_punch(), false};
}

/// A read or write that does not find the pages that it needs in memory: the queue reads them, part
/// by part. A write is done when all are there.
class OverlayStore::Fetch final : public Operation {
 public:
  Fetch(OverlayStore& store, Operation& wanted)
      : store_(store), wanted_(wanted), at_(wanted.offset) {
    kind = Kind::read;
    fetch_part();
  }

 private:
  std::uint64_t end_of_all() const {
    return wanted_.offset + std::max(wanted_.into.size(), wanted_.from.size());
  }
  void fetch_part();
  void done(std::error_code error) override;
  void end(std::error_code error);

  OverlayStore& store_;
  Operation& wanted_;
  std::uint64_t at_;                  // everything before has been read, or can be written
  std::uint64_t next_ = 0;            // the end of the part under way
  std::vector<std::uint8_t> unused_;  // what a write needs is read only to be in memory
};

/// Has the queue read what the part at `at_` needs; done() follows.
void OverlayStore::Fetch::fetch_part() {
  const Part part = store_.first_part(at_, end_of_all() - at_);
  Part needed = part;
  if (wanted_.kind == Kind::read) {
    into = wanted_.into.subspan(at_ - wanted_.offset, part.size);
  } else {
    needed = store_.needed_to_write(part);
    unused_.resize(needed.size);
    into = unused_;
  }
  next_ = part.offset + part.size;
  const File& file = needed.in_delta ? store_.delta_.file : store_.base_;
  descriptor = file.descriptor();
  needs_thread = file.is_remote();
  offset = needed.offset +
           (needed.in_delta ? store_.delta_.layout.data_at : store_.delta_.header.part.offset);
  store_.queue_.start(*this);
}

void OverlayStore::Fetch::done(std::error_code error) {
  if (error) return end(error);
  at_ = next_;
  if (at_ < end_of_all()) return fetch_part();
  end(wanted_.kind == Kind::read ? error : store_.write(wanted_.offset, wanted_.from));
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
  std::uint64_t offset = operation.offset;
  if (operation.kind == Operation::Kind::read) {
    for (MutableBytes into = operation.into; !into.empty();) {
      const Part part = first_part(offset, into.size());
      Mapping& mapping = mapping_of(part);
      if (!mapping.is_at_hand(offset, part.size) || mapping.read(offset, into.first(part.size))) {
        return std::nullopt;
      }
      into = into.subspan(part.size);
      offset += part.size;
    }
    return std::error_code{};
  }
  if (operation.kind != Operation::Kind::write) return std::nullopt;
  for (const std::uint64_t end = offset + operation.from.size(); offset < end;) {
    const Part part = first_part(offset, end - offset);
    const Part needed = needed_to_write(part);
    if (!mapping_of(part).is_at_hand(needed.offset, needed.size)) return std::nullopt;
    offset += part.size;
  }
  return write(operation.offset, operation.from);
}

std::string OverlayStore::trouble() const {
  if (base_.is_remote() || !base_.has_changed()) return {};  // one may have to wait for the answer
  return fmt::format("{} has changed under {}", base_.path(), delta_.file.path());
}

void OverlayStore::start(Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::read:
    case Operation::Kind::write:
      fetches_.push_back(std::make_unique<Fetch>(*this, operation));
      return;
    case Operation::Kind::flush: return flusher_.start(operation);
    case Operation::Kind::trim: return puncher_.start(operation);
  }
  AOE_CHECK(false && "an operation of no kind");
}

OverlayStore::Part OverlayStore::first_part(std::uint64_t offset, std::size_t size) const {
  AOE_CHECK(offset <= this->size() && size <= this->size() - offset);
  const std::uint64_t block = offset / block_size;
  std::uint64_t end = block + 1;
  while (end * block_size < offset + size && delta_.has(end) == delta_.has(block)) ++end;
  return {offset, std::min<std::uint64_t>(end * block_size - offset, size), delta_.has(block)};
}

/// A block that the delta has is written in place, for which its page must be in memory. A new one
/// takes what is not written from the base, and its page in the delta is a hole.
OverlayStore::Part OverlayStore::needed_to_write(const Part& part) const {
  if (part.in_delta) return part;
  const std::uint64_t end = part.offset + part.size;
  const bool is_whole = part.offset % block_size == 0 && (end % block_size == 0 || end == size());
  if (is_whole) return {part.offset, 0, false};
  const std::uint64_t begin = part.offset / block_size * block_size;
  return {begin, std::min(round_up(end, block_size), size()) - begin, false};
}

std::error_code OverlayStore::write(std::uint64_t offset, Bytes from) {
  AOE_CHECK(offset <= size() && from.size() <= size() - offset);
  while (!from.empty()) {
    const std::size_t count =
        std::min<std::uint64_t>(block_size - offset % block_size, from.size());
    const Bytes part = from.first(count);
    const auto error =
        delta_.has(offset / block_size) ? data_.write(offset, part) : write_new_block(offset, part);
    if (error) return error;
    from = from.subspan(count);
    offset += count;
  }
  return {};
}

std::error_code OverlayStore::write_new_block(std::uint64_t offset, Bytes from) {
  const std::uint64_t begin = offset / block_size * block_size;
  Block room;
  const MutableBytes whole = MutableBytes(room).first(std::min(block_size, size() - begin));
  if (from.size() < whole.size()) {
    if (base_mapping_.read(begin, whole)) {
      if (const auto error = base_mapping_.read_by_call(begin, whole)) return error;
    }
    copy(from, MutableBytes(whole).subspan(offset - begin));
    from = whole;
  }
  if (const auto error = data_.write(begin, from)) return error;
  return add(begin / block_size, 1);
}

std::error_code OverlayStore::add(std::uint64_t first, std::uint64_t count) {
  for (const std::uint64_t end = first + count; first < end;) {
    const std::uint64_t byte = first / 8;
    const std::uint64_t here = std::min(end, (byte + 1) * 8) - first;
    const auto bits =
        static_cast<std::uint8_t>(delta_.live[byte] | ((1U << here) - 1) << first % 8);
    first += here;
    if (bits == delta_.live[byte]) continue;
    if (const auto error = live_.write(byte, {&bits, 1})) return error;
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
  for (const std::uint64_t page : store_.changed_pages_) {
    const Bytes bits = Bytes(store_.delta_.live).subspan(page * block_size, block_size);
    bits_.insert(bits_.end(), bits.begin(), bits.end());
    store_.is_changed_[page] = false;
  }
  pages_ = std::exchange(store_.changed_pages_, {});
  step_ = Step::sync_data;
  sync();
}

/// Writes the last of the remaining pages.
void OverlayStore::DeltaFlusher::write_bits() {
  step_ = Step::write_bits;
  kind = Kind::write;
  offset = store_.delta_.layout.stable_at + pages_.back() * block_size;
  from = Bytes(bits_).last(block_size);
  queue_.start(*this);
}

void OverlayStore::DeltaFlusher::done(std::error_code error) {
  if (!error && step_ == Step::sync_data) error = lost_data();
  if (!error && step_ == Step::write_bits) {
    pages_.pop_back();
    bits_.resize(bits_.size() - block_size);
  }
  if (error || step_ == Step::sync_bits) return end_round(error);
  if (!pages_.empty()) return write_bits();
  if (step_ == Step::sync_data) return end_round({});
  step_ = Step::sync_bits;
  sync();
}

ByteRange OverlayStore::DeltaPuncher::punchable(ByteRange range) const {
  const std::uint64_t begin = round_up(range.offset, block_size);
  std::uint64_t end = range.offset + range.length;
  if (end != store_.size()) end = end / block_size * block_size;
  return begin < end ? ByteRange{begin, end - begin} : ByteRange{};
}

std::error_code OverlayStore::DeltaPuncher::punched(ByteRange range) {
  return store_.add(range.offset / block_size, round_up(range.length, block_size) / block_size);
}

}  // namespace aoe::target
