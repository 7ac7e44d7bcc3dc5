#include "harness/capture/capture_parser.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

constexpr std::uint32_t section_header = 0x0a0d0d0a;  // the same in both byte orders
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t obsolete_packet = 2;
constexpr std::uint32_t simple_packet_block = 3;
constexpr std::uint32_t interface_statistics = 5;
constexpr std::uint32_t enhanced_packet = 6;

constexpr std::uint16_t option_resolution = 9;
constexpr std::uint16_t option_time_offset = 14;
constexpr std::uint16_t option_dropped_by_interface = 5;
constexpr std::uint16_t option_dropped_by_system = 7;

constexpr std::size_t interfaces_max = 4096;
constexpr std::size_t block_frame_size = 12;  // type, length, and the length again
constexpr std::uint64_t nanoseconds_in_second = 1'000'000'000;
/// Later times do not fit in nanoseconds.
constexpr std::int64_t seconds_max = 9'000'000'000;

struct PcapKind {
  std::uint32_t magic;
  std::uint64_t per_second;
  std::size_t record_header_size;
};
constexpr std::array<PcapKind, 3> pcap_kinds{{
    {0xa1b2c3d4, 1'000'000, 16},
    {0xa1b23c4d, nanoseconds_in_second, 16},
    {0xa1b2cd34, 1'000'000, 24},  // of some old Linux programs
}};

std::uint32_t number(Bytes bytes, std::size_t at, bool is_big_endian) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + (is_big_endian ? i : 3 - i)];
  return value;
}

std::chrono::nanoseconds time_of(std::int64_t seconds, std::uint64_t fraction,
                                 std::uint64_t per_second) {
  const std::uint64_t nanoseconds =
      per_second <= nanoseconds_in_second
          ? fraction * nanoseconds_in_second / per_second
          : static_cast<std::uint64_t>(static_cast<double>(fraction) /
                                       static_cast<double>(per_second) * 1e9);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, seconds_max)) +
         std::chrono::nanoseconds(nanoseconds);
}

/// The number of ticks in a second, for the option if_tsresol.
std::uint64_t ticks_of(std::uint8_t resolution) {
  const unsigned power = resolution & 0x7f;
  if ((resolution & 0x80) != 0) return std::uint64_t{1} << std::min(power, 63U);
  std::uint64_t ticks = 1;
  for (unsigned i = 0; i < std::min(power, 19U); ++i) ticks *= 10;
  return ticks;
}

std::size_t padded(std::size_t size) {
  return (size + 3) / 4 * 4;
}

}  // namespace

std::uint16_t CaptureParser::u16(Bytes bytes, std::size_t at) const {
  const unsigned high = bytes[at + (is_big_endian_ ? 0 : 1)];
  const unsigned low = bytes[at + (is_big_endian_ ? 1 : 0)];
  return static_cast<std::uint16_t>(high << 8 | low);
}

std::uint32_t CaptureParser::u32(Bytes bytes, std::size_t at) const {
  return number(bytes, at, is_big_endian_);
}

std::uint64_t CaptureParser::u64(Bytes bytes, std::size_t at) const {
  const std::uint64_t first = u32(bytes, at);
  const std::uint64_t second = u32(bytes, at + 4);
  return is_big_endian_ ? first << 32 | second : second << 32 | first;
}

std::string CaptureParser::damaged(const char* what) const {
  return fmt::format("damaged after {} record{}: {}", records_, records_ == 1 ? "" : "s", what);
}

tl::expected<Bytes, std::string> CaptureParser::take(std::size_t size) {
  auto bytes = source_.take(size);
  if (bytes && bytes->size() < size) return tl::unexpected(damaged("it ends within the next"));
  return bytes;
}

// The header.

bool CaptureParser::begins(Bytes start) {
  if (start.size() < 4) return false;
  return std::ranges::any_of(std::array{true, false}, [&](bool is_big_endian) {
    const std::uint32_t magic = number(start, 0, is_big_endian);
    return magic == section_header ||
           std::ranges::find(pcap_kinds, magic, &PcapKind::magic) != pcap_kinds.end();
  });
}

tl::expected<void, std::string> CaptureParser::begin() {
  const auto start = source_.take(4);
  if (!start) return tl::unexpected(start.error());
  const std::string unknown = "neither pcap nor pcapng";
  if (start->empty()) return tl::unexpected("empty: " + unknown);
  if (start->size() < 4) return tl::unexpected(unknown);
  if (number(*start, 0, true) == section_header) {
    is_pcapng_ = true;
    return begin_section();
  }
  for (const PcapKind& kind : pcap_kinds) {
    for (const bool is_big_endian : {false, true}) {
      if (number(*start, 0, is_big_endian) != kind.magic) continue;
      is_big_endian_ = is_big_endian;
      per_second_ = kind.per_second;
      record_header_size_ = kind.record_header_size;
      const auto rest = take(20);
      if (!rest) return tl::unexpected(rest.error());
      link_ = u32(*rest, 16) & 0xffff;  // above it: the length of checksums
      return {};
    }
  }
  return tl::unexpected(unknown);
}

/// The rest of a section header, after its type.
tl::expected<void, std::string> CaptureParser::begin_section() {
  const auto start = take(8);
  if (!start) return tl::unexpected(start.error());
  is_big_endian_ = number(*start, 4, true) == byte_order_magic;
  if (u32(*start, 4) != byte_order_magic) return tl::unexpected(damaged("an unknown byte order"));
  const std::size_t length = u32(*start, 0);
  if (length < block_frame_size + 16 || length > record_size_max || length % 4 != 0)
    return tl::unexpected(damaged("a section header of an impossible length"));
  if (const auto rest = take(length - 12); !rest) return tl::unexpected(rest.error());
  dropped_before_ = dropped();
  interfaces_.clear();
  return {};
}

// Records.

CaptureParser::Next CaptureParser::next() {
  Next next = is_pcapng_ ? next_of_pcapng() : next_of_pcap();
  if (next && *next) ++records_;
  return next;
}

CaptureParser::Next CaptureParser::next_of_pcap() {
  const auto header = source_.take(record_header_size_);
  if (!header) return tl::unexpected(header.error());
  if (header->empty()) return std::nullopt;
  if (header->size() < record_header_size_)
    return tl::unexpected(damaged("it ends within the next"));
  CaptureRecord record{.time = time_of(u32(*header, 0), u32(*header, 4), per_second_),
                       .link = *link_,
                       .bytes = {},
                       .original_size = u32(*header, 12)};
  const std::size_t size = u32(*header, 8);
  if (size > record_size_max) return tl::unexpected(damaged("a record of an impossible length"));
  const auto bytes = take(size);
  if (!bytes) return tl::unexpected(bytes.error());
  record.bytes = *bytes;
  return record;
}

CaptureParser::Next CaptureParser::next_of_pcapng() {
  while (true) {
    const auto start = source_.take(4);
    if (!start) return tl::unexpected(start.error());
    if (start->empty()) return std::nullopt;
    if (start->size() < 4) return tl::unexpected(damaged("it ends within the next"));
    const std::uint32_t type = u32(*start, 0);
    if (type == section_header) {
      if (const auto begun = begin_section(); !begun) return tl::unexpected(begun.error());
      continue;
    }
    const auto length_bytes = take(4);
    if (!length_bytes) return tl::unexpected(length_bytes.error());
    const std::size_t length = u32(*length_bytes, 0);
    if (length < block_frame_size || length > record_size_max || length % 4 != 0)
      return tl::unexpected(damaged("a block of an impossible length"));
    const auto rest = take(length - 8);
    if (!rest) return tl::unexpected(rest.error());
    if (u32(*rest, rest->size() - 4) != length)
      return tl::unexpected(damaged("a block whose two lengths differ"));
    Next found = block(type, rest->first(rest->size() - 4));
    if (!found || *found) return found;
  }
}

CaptureParser::Next CaptureParser::block(std::uint32_t type, Bytes body) {
  switch (type) {
    case interface_description:
      if (const auto added = add_interface(body); !added) return tl::unexpected(added.error());
      return std::nullopt;
    case interface_statistics: add_statistics(body); return std::nullopt;
    case simple_packet_block: return simple_packet(body);
    case obsolete_packet:
    case enhanced_packet:
      if (body.size() < 20) return tl::unexpected(damaged("a block too short for its frame"));
      return packet(type == enhanced_packet ? u32(body, 0) : u16(body, 0), body);
    default: return std::nullopt;
  }
}

CaptureParser::Next CaptureParser::packet(std::uint32_t id, Bytes body) {
  if (id >= interfaces_.size())
    return tl::unexpected(damaged("a frame of an interface that is not described"));
  const Interface& interface = interfaces_[id];
  const std::uint64_t ticks = std::uint64_t{u32(body, 4)} << 32 | u32(body, 8);
  const std::size_t size = u32(body, 12);
  if (size > body.size() - 20) return tl::unexpected(damaged("a frame beyond its block"));
  const std::uint64_t seconds = std::min<std::uint64_t>(ticks / interface.per_second, seconds_max);
  last_ = time_of(static_cast<std::int64_t>(seconds) + interface.offset,
                  ticks % interface.per_second, interface.per_second);
  return CaptureRecord{.time = last_,
                       .link = interface.link,
                       .bytes = body.subspan(20, size),
                       .original_size = u32(body, 16)};
}

/// It has no time: that of the frame before stands for it.
CaptureParser::Next CaptureParser::simple_packet(Bytes body) {
  if (interfaces_.empty() || body.size() < 4)
    return tl::unexpected(damaged("a frame of an interface that is not described"));
  const std::size_t original = u32(body, 0);
  const Interface& interface = interfaces_.front();
  std::size_t size = std::min(original, body.size() - 4);
  if (interface.snapshot != 0) size = std::min<std::size_t>(size, interface.snapshot);
  return CaptureRecord{.time = last_,
                       .link = interface.link,
                       .bytes = body.subspan(4, size),
                       .original_size = original};
}

template <class See>
void CaptureParser::for_each_option(Bytes options, See see) const {
  while (options.size() >= 4) {
    const std::uint16_t code = u16(options, 0);
    const std::size_t size = u16(options, 2);
    if (code == 0 || 4 + size > options.size()) return;
    see(code, options.subspan(4, size));
    options = options.subspan(std::min(4 + padded(size), options.size()));
  }
}

tl::expected<void, std::string> CaptureParser::add_interface(Bytes body) {
  if (body.size() < 8) return tl::unexpected(damaged("an interface without a link type"));
  if (interfaces_.size() == interfaces_max)
    return tl::unexpected(damaged("more than 4096 interfaces"));
  Interface interface { .link = u16(body, 0), .snapshot = u32(body, 4) };
  for_each_option(body.subspan(8), [&](std::uint16_t code, Bytes value) {
    if (code == option_resolution && !value.empty()) interface.per_second = ticks_of(value[0]);
    if (code == option_time_offset && value.size() >= 8) {
      interface.offset = std::clamp<std::int64_t>(static_cast<std::int64_t>(u64(value, 0)),
                                                  -seconds_max, seconds_max);
    }
  });
  interfaces_.push_back(interface);
  return {};
}

void CaptureParser::add_statistics(Bytes body) {
  if (body.size() < 12 || u32(body, 0) >= interfaces_.size()) return;
  std::uint64_t dropped = 0;
  for_each_option(body.subspan(12), [&](std::uint16_t code, Bytes value) {
    const bool is_loss = code == option_dropped_by_interface || code == option_dropped_by_system;
    if (is_loss && value.size() >= 8) dropped += u64(value, 0);
  });
  interfaces_[u32(body, 0)].dropped = dropped;  // since the capture began
}

std::uint64_t CaptureParser::dropped() const {
  std::uint64_t dropped = dropped_before_;
  for (const Interface& interface : interfaces_) dropped += interface.dropped;
  return dropped;
}

}  // namespace aoe::harness
