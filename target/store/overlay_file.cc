#include "target/store/overlay_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
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
using HeaderBlock = std::array<std::uint8_t, overlay_block_size>;

constexpr std::uint64_t session_at = overlay_block_size;
constexpr std::size_t session_size = 64;
constexpr std::string_view magic = "AoEdelta";
constexpr std::uint32_t version_without_content = 1;
constexpr std::uint32_t version_served = 2;
constexpr std::uint32_t version_committing = 3;
constexpr std::size_t version_at = 8;
constexpr std::size_t size_at = 16;
constexpr std::size_t time_at = 24;
constexpr std::size_t part_at = 32;
constexpr std::size_t checksum_at = 48;
constexpr std::size_t content_at = 56;
constexpr std::size_t last_checksum_at = 64;

/// A new file only survives a crash if its folder is synced too.
std::error_code sync_with_folder(const File& file) {
  const std::filesystem::path folder = std::filesystem::path(file.path()).parent_path();
  const Descriptor opened(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (const auto error = file.sync()) return error;
  return opened.get() < 0 || ::fsync(opened.get()) != 0 ? last_error() : std::error_code{};
}

tl::unexpected<std::string> failure(const File& file, const std::string& why) {
  return tl::unexpected(fmt::format("{}: {}", file.path(), why));
}
tl::unexpected<std::string> failure(const std::string& path, const std::error_code& error) {
  return tl::unexpected(fmt::format("{}: {}", path, error.message()));
}
tl::unexpected<std::string> failure(const File& file, const std::error_code& error) {
  return failure(file.path(), error);
}

/// Reads a part of an image that is a whole number of sectors.
using ReadPart = std::function<std::error_code(std::uint64_t offset, MutableBytes into)>;

/// Returns a hash of blocks all over an image of this length.
tl::expected<std::uint64_t, std::error_code> content_of(std::uint64_t length,
                                                        const ReadPart& read) {
  constexpr std::uint64_t samples_max = 256;
  const std::uint64_t blocks = whole_overlay_blocks(length) / overlay_block_size;
  const std::uint64_t samples = std::min(blocks, samples_max);
  std::vector<std::uint8_t> bytes(samples * overlay_block_size);
  for (std::uint64_t i = 0; i < samples; ++i) {
    // From the first to the last.
    const std::uint64_t at =
        (samples == 1 ? 0 : i * (blocks - 1) / (samples - 1)) * overlay_block_size;
    const MutableBytes place = MutableBytes(bytes).subspan(i * overlay_block_size);
    if (const auto error = read(at, place.first(std::min(overlay_block_size, length - at)))) {
      return tl::unexpected(error);
    }
  }
  return fnv1a(Bytes(bytes));
}

HeaderBlock encode(const OverlayHeader& header) {
  HeaderBlock bytes{};
  std::ranges::copy(magic, bytes.begin());
  store_little_u32(&bytes[version_at], header.version);
  store_little_u32(&bytes[12], overlay_block_size);
  store_little_u64(&bytes[size_at], header.base_size);
  store_little_u64(&bytes[time_at], header.base_changed_at);
  store_little_u64(&bytes[part_at], header.part.offset);
  store_little_u64(&bytes[part_at + 8], header.part.length);
  store_little_u64(&bytes[checksum_at], fnv1a(Bytes(bytes).first(checksum_at)));
  store_little_u64(&bytes[content_at], header.content);
  store_little_u64(&bytes[last_checksum_at], fnv1a(Bytes(bytes).first(last_checksum_at)));
  return bytes;
}

tl::expected<OverlayHeader, std::string> decode(const HeaderBlock& bytes) {
  const auto number = [&bytes](std::size_t at) { return load_little_u64(&bytes[at]); };
  const auto is_sound = [&](std::size_t at) { return number(at) == fnv1a(Bytes(bytes).first(at)); };
  const auto damaged = [] { return tl::unexpected(std::string("its header is damaged")); };
  if (!std::ranges::equal(Bytes(bytes).first(magic.size()), magic)) {
    return tl::unexpected(std::string("not an overlay"));
  }
  if (!is_sound(checksum_at)) return damaged();
  OverlayHeader header{load_little_u32(&bytes[version_at]),
                       number(size_at),
                       number(time_at),
                       {number(part_at), number(part_at + 8)},
                       0};
  if (header.version < version_without_content || header.version > version_committing ||
      load_little_u32(&bytes[12]) != overlay_block_size) {
    return tl::unexpected(
        fmt::format("an overlay of version {}; this program knows versions {} to {}",
                    header.version, version_without_content, version_committing));
  }
  if (header.version != version_without_content) {
    if (!is_sound(last_checksum_at)) return damaged();
    header.content = number(content_at);
  }
  const bool is_in_base = header.part.length > 0 && header.part.offset <= header.base_size &&
                          header.part.length <= header.base_size - header.part.offset;
  if (!is_in_base) return damaged();
  return header;
}

std::string in_session_size(std::string text) {
  text.resize(session_size);
  return text;
}

}  // namespace

std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

OverlayBase::OverlayBase(const File& file)
    : path(file.path()),
      size(file.size()),
      changed_at(file.changed_at()),
      read([&file](std::uint64_t offset, MutableBytes into) { return file.read(offset, into); }),
      has_changed([&file] { return !file.is_remote() && file.has_changed(); }) {}

OverlayBase::OverlayBase(
    std::string name, std::uint64_t bytes,
    std::function<std::error_code(std::uint64_t offset, MutableBytes into)> read_part)
    : path(std::move(name)),
      size(bytes),
      changed_at(0),
      read(std::move(read_part)),
      has_changed([] { return false; }) {}

OverlayLayout::OverlayLayout(std::uint64_t length)
    : bitmap_size(
          whole_overlay_blocks((whole_overlay_blocks(length) / overlay_block_size + 7) / 8)),
      live_at(2 * overlay_block_size),
      stable_at(live_at + bitmap_size),
      data_at(stable_at + bitmap_size),
      end(data_at + whole_overlay_blocks(length)) {}

bool OverlayHeader::is_committing() const {
  return version == version_committing;
}

OverlayHeader OverlayHeader::committing(std::uint64_t content_after) const {
  OverlayHeader header = *this;
  header.version = version_committing;
  header.content = content_after;
  return header;
}

tl::expected<OverlayHeader, std::string> OverlayHeader::over(const OverlayBase& base,
                                                             ByteRange part) {
  const auto content = content_of(part.length, [&](std::uint64_t at, MutableBytes into) {
    return base.read(part.offset + at, into);
  });
  if (!content) return failure(base.path, content.error());
  return OverlayHeader{version_served, base.size, base.changed_at, part, *content};
}

tl::expected<OverlayFile, std::string> OverlayFile::make(File file, const OverlayHeader& header,
                                                         const std::string& boot_id) {
  if (const auto error = file.write(0, Bytes(encode(header)))) return failure(file, error);
  const OverlayLayout layout(header.part.length);
  const std::vector<std::uint8_t> none(layout.bitmap_size);
  return OverlayFile{.file = std::move(file),
                     .header = header,
                     .layout = layout,
                     .session = in_session_size(boot_id),
                     .live = none,
                     .stable = none,
                     .is_short = true};
}

tl::expected<OverlayFile, std::string> OverlayFile::open(File file, const std::string& boot_id) {
  if (file.is_device()) return failure(file, "not a regular file");
  if (file.size() < overlay_block_size) return failure(file, "not an overlay");
  HeaderBlock bytes{};
  if (const auto error = file.read(0, MutableBytes(bytes))) return failure(file, error);
  const auto header = decode(bytes);
  if (!header) return failure(file, header.error());
  const OverlayLayout layout(header->part.length);
  const bool is_short = file.size() < layout.end;
  // Its initialisation has two steps, see begin(); a file of another size was cut.
  const bool may_be_new = file.size() == overlay_block_size || file.size() == layout.data_at;
  if (is_short && !may_be_new) return failure(file, "shorter than its header says");

  std::string session(session_size, '\0');
  std::vector<std::uint8_t> live(layout.bitmap_size);
  std::vector<std::uint8_t> stable(layout.bitmap_size);
  const MutableBytes session_bytes(reinterpret_cast<std::uint8_t*>(session.data()), session_size);
  for (const auto& [at, into] :
       {std::pair(session_at, session_bytes), std::pair(layout.live_at, MutableBytes(live)),
        std::pair(layout.stable_at, MutableBytes(stable))}) {
    const std::uint64_t there = file.size() - std::min(file.size(), at);
    const auto part = into.first(std::min<std::uint64_t>(into.size(), there));
    if (const auto error = file.read(at, part)) return failure(file, error);
  }
  const auto is_set = [](std::uint8_t byte) { return byte != 0; };
  if (is_short && (std::ranges::any_of(live, is_set) || std::ranges::any_of(stable, is_set))) {
    return failure(file, "shorter than its header says");
  }
  OverlayFile opened{.file = std::move(file),
                     .header = *header,
                     .layout = layout,
                     .session = in_session_size(boot_id),
                     .live = std::move(live),
                     .stable = std::move(stable),
                     .is_short = is_short};
  opened.is_of_this_boot = !boot_id.empty() && session == opened.session;
  if (!opened.is_of_this_boot) {
    for (std::size_t i = 0; i < opened.live.size(); ++i) {
      const unsigned lost = opened.live[i] & ~static_cast<unsigned>(opened.stable[i]);
      opened.lost_blocks += static_cast<std::uint64_t>(std::popcount(lost));
    }
    opened.live = opened.stable;
  }
  return opened;
}

void OverlayFile::set(std::uint64_t block, bool has_it) {
  const auto bit = static_cast<std::uint8_t>(1U << block % 8);
  std::uint8_t& byte = live[block / 8];
  byte = static_cast<std::uint8_t>(has_it ? byte | bit : byte & ~bit);
}

std::uint64_t OverlayFile::size_of(std::uint64_t block) const {
  return std::min(overlay_block_size, header.part.length - block * overlay_block_size);
}

tl::expected<std::uint64_t, std::string> OverlayFile::content_over(const OverlayBase& base) const {
  bool is_own = false;
  const auto content = content_of(header.part.length, [&](std::uint64_t at, MutableBytes into) {
    is_own = has(at / overlay_block_size);
    return is_own ? file.read(layout.data_at + at, into) : base.read(header.part.offset + at, into);
  });
  if (!content) return failure(is_own ? file.path() : base.path, content.error());
  return *content;
}

tl::expected<BaseMatch, std::string> OverlayFile::match(const OverlayBase& base) const {
  if (base.size != header.base_size) return BaseMatch::none;
  if (header.is_committing()) {
    const auto after = content_over(base);
    if (!after) return tl::unexpected(after.error());
    return *after == header.content ? BaseMatch::same_content : BaseMatch::none;
  }
  const bool is_same_time = header.base_changed_at == base.changed_at;
  if (header.version == version_without_content) {
    return is_same_time ? BaseMatch::same_time : BaseMatch::none;
  }
  if (is_same_time && base.changed_at != 0) return BaseMatch::same_time;
  const auto now = OverlayHeader::over(base, header.part);
  if (!now) return tl::unexpected(now.error());
  return now->content == header.content ? BaseMatch::same_content : BaseMatch::none;
}

std::string OverlayFile::objection_to(const OverlayBase& base, ByteRange part) const {
  if (header.is_committing()) {
    return "its commit into its base was interrupted; do aoe-target overlay commit again";
  }
  if (base.size == header.base_size && part != header.part) {
    return fmt::format("made over another part of {}", base.path);
  }
  const auto found = match(base);
  if (!found) return found.error();
  if (*found != BaseMatch::none) return {};
  return fmt::format("made over another {} (it has changed since)", base.path);
}

tl::expected<void, std::string> OverlayFile::begin() {
  if (is_short) {
    // The bitmaps get their room now, so that a full disk can fail writes but not flushes.
    if (::fallocate(file.descriptor(), 0, 0, static_cast<off_t>(layout.data_at)) != 0 &&
        errno != EOPNOTSUPP) {
      return failure(file, last_error());
    }
    if (::ftruncate(file.descriptor(), static_cast<off_t>(layout.end)) != 0) {
      return failure(file, last_error());
    }
    if (const auto error = sync_with_folder(file)) return failure(file, error);
    is_short = false;
  }
  if (is_of_this_boot) return {};
  const Bytes session_bytes(reinterpret_cast<const std::uint8_t*>(session.data()), session.size());
  // In this order: the session says that the live bitmap is valid.
  for (const auto& [at, from] :
       {std::pair(layout.live_at, Bytes(live)), std::pair(session_at, session_bytes)}) {
    if (const auto error = file.write(at, from)) return failure(file, error);
  }
  is_of_this_boot = true;
  return {};
}

tl::expected<void, std::string> OverlayFile::save_bits() {
  AOE_CHECK(is_of_this_boot);
  auto error = file.sync();
  if (!error) error = file.write(layout.live_at, Bytes(live));
  if (!error) error = file.write(layout.stable_at, Bytes(live));
  if (!error) error = file.sync();
  if (error) return failure(file, error);
  stable = live;
  return {};
}

tl::expected<void, std::string> OverlayFile::save_header(const OverlayHeader& changed) {
  auto error = file.write(0, Bytes(encode(changed)));
  if (!error) error = file.sync();
  if (error) return failure(file, error);
  header = changed;
  return {};
}

}  // namespace aoe::target
