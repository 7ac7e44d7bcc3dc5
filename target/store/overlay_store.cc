#include "target/store/overlay_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/endian/conversion.hpp>

#include "base/check.h"
#include "base/fnv.h"

namespace aoe::target {
namespace {

using boost::endian::load_little_u32;
using boost::endian::load_little_u64;
using boost::endian::store_little_u32;
using boost::endian::store_little_u64;
using Block = std::array<std::uint8_t, OverlayStore::block_size>;

constexpr std::uint64_t block_size = OverlayStore::block_size;
constexpr std::uint64_t session_at = block_size;
constexpr std::size_t session_size = 64;
constexpr std::string_view magic = "AoEdelta";
constexpr std::uint32_t version = 2;
constexpr std::uint32_t version_without_content = 1;
constexpr std::size_t version_at = 8;
constexpr std::size_t size_at = 16;
constexpr std::size_t time_at = 24;
constexpr std::size_t part_at = 32;
constexpr std::size_t checksum_at = 48;
constexpr std::size_t content_at = 56;
constexpr std::size_t last_checksum_at = 64;

std::uint64_t round_up(std::uint64_t number, std::uint64_t unit) {
  return (number + unit - 1) / unit * unit;
}

std::array<std::uint8_t, session_size> make_session(std::string_view boot_id) {
  std::array<std::uint8_t, session_size> session{};
  std::ranges::copy(boot_id.substr(0, session_size), session.begin());
  return session;
}

/// Moves all bytes, by ::pread or ::pwrite.
template <class Call, class Span>
std::error_code transfer(Call call, const File& file, std::uint64_t offset, Span bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        call(file.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return error_of(EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

/// A new file only survives a crash if its folder is synced too.
std::error_code sync_with_folder(const File& file) {
  const std::filesystem::path folder = std::filesystem::path(file.path()).parent_path();
  const Descriptor opened(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(file.descriptor()) != 0 || ::fsync(opened.get()) != 0) {
    return last_error();
  }
  return {};
}

/// Returns a hash of blocks all over a part of the base.
tl::expected<std::uint64_t, std::string> content_of(const File& base, ByteRange range) {
  constexpr std::uint64_t samples_max = 256;
  const std::uint64_t blocks = round_up(range.length, block_size) / block_size;
  const std::uint64_t samples = std::min(blocks, samples_max);
  std::vector<std::uint8_t> bytes(samples * block_size);
  for (std::uint64_t i = 0; i < samples; ++i) {
    // From the first to the last.
    const std::uint64_t at = (samples == 1 ? 0 : i * (blocks - 1) / (samples - 1)) * block_size;
    const MutableBytes place = MutableBytes(bytes).subspan(i * block_size);
    const auto sample = place.first(std::min(block_size, range.length - at));
    if (const auto error = transfer(::pread, base, range.offset + at, sample)) {
      return tl::unexpected(fmt::format("{}: {}", base.path(), error.message()));
    }
  }
  return fnv1a(Bytes(bytes));
}

Block make_header(const File& base, ByteRange range, std::uint64_t content) {
  Block header{};
  std::ranges::copy(magic, header.begin());
  store_little_u32(&header[version_at], version);
  store_little_u32(&header[12], block_size);
  store_little_u64(&header[size_at], base.size());
  store_little_u64(&header[time_at], base.changed_at());
  store_little_u64(&header[part_at], range.offset);
  store_little_u64(&header[part_at + 8], range.length);
  store_little_u64(&header[checksum_at], fnv1a(Bytes(header).first(checksum_at)));
  store_little_u64(&header[content_at], content);
  store_little_u64(&header[last_checksum_at], fnv1a(Bytes(header).first(last_checksum_at)));
  return header;
}

/// Returns why a header is not one over this part of the base; "" if it is.
std::string judge(const Block& header, const File& base, ByteRange range) {
  const auto number = [&header](std::size_t at) { return load_little_u64(&header[at]); };
  const auto is_sound = [&](std::size_t at) {
    return number(at) == fnv1a(Bytes(header).first(at));
  };
  if (!std::ranges::equal(Bytes(header).first(magic.size()), magic)) return "not an overlay";
  if (!is_sound(checksum_at)) return "its header is damaged";
  const std::uint32_t its_version = load_little_u32(&header[version_at]);
  const bool has_content = its_version == version;
  if ((!has_content && its_version != version_without_content) ||
      load_little_u32(&header[12]) != block_size) {
    return fmt::format("an overlay of version {}; this program knows versions {} and {}",
                       its_version, version_without_content, version);
  }
  if (has_content && !is_sound(last_checksum_at)) return "its header is damaged";
  const auto changed = [&base] {
    return fmt::format("made over another {} (it has changed since)", base.path());
  };
  if (number(size_at) != base.size()) return changed();
  if (ByteRange{number(part_at), number(part_at + 8)} != range) {
    return fmt::format("made over another part of {}", base.path());
  }
  const bool is_same_time = number(time_at) == base.changed_at();
  if (!has_content) return is_same_time ? "" : changed();
  if (is_same_time && !base.is_device()) return "";  // a device has no time
  const auto content = content_of(base, range);
  if (!content) return content.error();
  return *content == number(content_at) ? "" : changed();
}

}  // namespace

std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

OverlayStore::Layout::Layout(std::uint64_t length)
    : bitmap_size(round_up(round_up(length, block_size) / block_size, 8 * block_size) / 8),
      live_at(2 * block_size),
      stable_at(live_at + bitmap_size),
      data_at(stable_at + bitmap_size),
      end(data_at + round_up(length, block_size)) {}

tl::expected<std::unique_ptr<OverlayStore>, std::string> OverlayStore::open(
    File base, ByteRange range, File delta, DiskQueue& queue, Handover& handover,
    const std::string& boot_id) {
  const auto fail = [&](const std::string& why) {
    return tl::unexpected(delta.path() + ": " + why);
  };
  if (delta.is_device()) return fail("not a regular file");
  const Layout layout(range.length);
  if (delta.size() == 0) {
    const auto content = content_of(base, range);
    if (!content) return tl::unexpected(content.error());
    const Block header = make_header(base, range, *content);
    if (const auto error = transfer(::pwrite, delta, 0, Bytes(header)))
      return fail(error.message());
  } else {
    Block header{};
    if (delta.size() < block_size) return fail("not an overlay");
    if (const auto error = transfer(::pread, delta, 0, MutableBytes(header)))
      return fail(error.message());
    if (const std::string why = judge(header, base, range); !why.empty()) return fail(why);
  }
  const bool is_short = delta.size() < layout.end;
  if (is_short) {
    // The delta is new, or its initialisation was interrupted. The bitmaps get their room now, so
    // that a full disk can fail writes but not flushes.
    if (delta.size() > layout.data_at) return fail("shorter than its header says");
    if (::fallocate(delta.descriptor(), 0, 0, static_cast<off_t>(layout.data_at)) != 0 &&
        errno != EOPNOTSUPP) {
      return fail(last_error().message());
    }
    if (::ftruncate(delta.descriptor(), static_cast<off_t>(layout.end)) != 0) {
      return fail(last_error().message());
    }
    if (const auto error = sync_with_folder(delta)) return fail(error.message());
  }

  std::vector<std::uint8_t> live(layout.bitmap_size);
  std::vector<std::uint8_t> stable(layout.bitmap_size);
  std::array<std::uint8_t, session_size> session{};
  for (const auto& [at, into] :
       {std::pair(session_at, MutableBytes(session)), std::pair(layout.live_at, MutableBytes(live)),
        std::pair(layout.stable_at, MutableBytes(stable))}) {
    if (const auto error = transfer(::pread, delta, at, into)) return fail(error.message());
  }
  const auto is_set = [](std::uint8_t byte) { return byte != 0; };
  if (is_short && (std::ranges::any_of(live, is_set) || std::ranges::any_of(stable, is_set))) {
    return fail("shorter than its header says");
  }
  const auto own_session = make_session(boot_id);
  if (boot_id.empty() || session != own_session) {
    live = stable;
    // In this order: the session says that the live bitmap is valid.
    for (const auto& [at, from] :
         {std::pair(layout.live_at, Bytes(live)), std::pair(session_at, Bytes(own_session))}) {
      if (const auto error = transfer(::pwrite, delta, at, from)) return fail(error.message());
    }
  }

  auto base_mapping = Mapping::open(base, range, false, handover);
  if (!base_mapping) return tl::unexpected(base_mapping.error());
  auto data = Mapping::open(delta, {layout.data_at, range.length}, true, handover);
  if (!data) return tl::unexpected(data.error());
  auto live_mapping = Mapping::open(delta, {layout.live_at, layout.bitmap_size}, true, handover);
  if (!live_mapping) return tl::unexpected(live_mapping.error());
  std::unique_ptr<OverlayStore> store(new OverlayStore(
      std::move(base), range.offset, std::move(delta), layout, *std::move(base_mapping),
      *std::move(data), *std::move(live_mapping), std::move(live), queue));
  for (std::uint64_t at = 0; at < layout.bitmap_size; at += block_size) {
    if (!std::ranges::equal(Bytes(store->bits_).subspan(at, block_size),
                            Bytes(stable).subspan(at, block_size))) {
      store->note_change(at / block_size);
    }
  }
  return store;
}

OverlayStore::OverlayStore(File base, std::uint64_t base_offset, File delta, const Layout& layout,
                           Mapping base_mapping, Mapping data, Mapping live,
                           std::vector<std::uint8_t> bits, DiskQueue& queue)
    : base_(std::move(base)),
      base_offset_(base_offset),
      delta_(std::move(delta)),
      layout_(layout),
      base_mapping_(std::move(base_mapping)),
      data_(std::move(data)),
      live_(std::move(live)),
      bits_(std::move(bits)),
      is_changed_(layout.bitmap_size / block_size),
      queue_(queue),
      flusher_(*this),
      puncher_(*this) {}

StoreTraits OverlayStore::traits() const {
  const bool aligned = size() % block_size == 0;
  return {aligned ? static_cast<std::uint32_t>(block_size) : 512, delta_.can_punch(), false};
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
  const File& file = needed.in_delta ? store_.delta_ : store_.base_;
  file.aim(*this);
  offset = needed.offset + (needed.in_delta ? store_.layout_.data_at : store_.base_offset_);
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
  return fmt::format("{} has changed under {}", base_.path(), delta_.path());
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
  while (end * block_size < offset + size && has(end) == has(block)) ++end;
  return {offset, std::min<std::uint64_t>(end * block_size - offset, size), has(block)};
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
        has(offset / block_size) ? data_.write(offset, part) : write_new_block(offset, part);
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
    const auto bits = static_cast<std::uint8_t>(bits_[byte] | ((1U << here) - 1) << first % 8);
    first += here;
    if (bits == bits_[byte]) continue;
    if (const auto error = live_.write(byte, {&bits, 1})) return error;
    bits_[byte] = bits;
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
    const Bytes bits = Bytes(store_.bits_).subspan(page * block_size, block_size);
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
  offset = store_.layout_.stable_at + pages_.back() * block_size;
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
