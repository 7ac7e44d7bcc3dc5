#include "harness/capture/link_layer.h"

#include <algorithm>

#include <fmt/format.h>

namespace aoe::harness {
namespace {

// Numbers and headers: https://www.tcpdump.org/linktypes.html
constexpr std::uint32_t ethernet = 1;
constexpr std::uint32_t linux_sll = 113;
constexpr std::uint32_t linux_sll2 = 276;

constexpr std::size_t addresses_size = 12;
constexpr std::uint8_t sent_to_all = 1;

/// Where a cooked header has what a frame needs.
struct Cooked {
  std::size_t size;
  std::size_t packet_type;  // the byte of it that is not 0
  std::size_t source;
  std::size_t ethertype;
};
constexpr Cooked sll{.size = 16, .packet_type = 1, .source = 6, .ethertype = 14};
constexpr Cooked sll2{.size = 20, .packet_type = 10, .source = 12, .ethertype = 0};

EthernetFrame uncooked(const CaptureRecord& record, const Cooked& header,
                       std::vector<std::uint8_t>& room) {
  const Bytes bytes = record.bytes;
  const bool is_to_all = bytes[header.packet_type] == sent_to_all;
  room.assign(6, is_to_all ? 0xff : 0x00);
  const auto add = [&](Bytes part) { room.insert(room.end(), part.begin(), part.end()); };
  add(bytes.subspan(header.source, 6));
  add(bytes.subspan(header.ethertype, 2));
  add(bytes.subspan(header.size));
  const std::size_t original = std::max(record.original_size, bytes.size());
  return {.bytes = room,
          .original_size = original - header.size + addresses_size + 2,
          .has_destination = is_to_all};
}

}  // namespace

bool is_readable(std::uint32_t link) {
  return link == ethernet || link == linux_sll || link == linux_sll2;
}

std::string link_name(std::uint32_t link) {
  return fmt::format("link type {}", link);
}

std::optional<EthernetFrame> ethernet_frame(const CaptureRecord& record,
                                            std::vector<std::uint8_t>& room) {
  if (record.link == ethernet) return EthernetFrame{record.bytes, record.original_size, true};
  if (!is_readable(record.link)) return std::nullopt;
  const Cooked& header = record.link == linux_sll ? sll : sll2;
  if (record.bytes.size() < header.size) return std::nullopt;
  return uncooked(record, header, room);
}

}  // namespace aoe::harness
