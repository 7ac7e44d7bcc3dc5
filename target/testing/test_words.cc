#include "target/testing/test_words.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace aoe::target {

Mac numbered_mac(std::size_t number) {
  return {{6, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

std::vector<Mac> numbered_macs(std::size_t count) {
  std::vector<Mac> macs;
  for (std::size_t i = 0; i < count; ++i) macs.push_back(numbered_mac(i));
  return macs;
}

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::uint8_t> pattern(std::size_t size, std::uint8_t seed) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(1 + (seed + i * 7) % 255);
  }
  return bytes;
}

AtaRequest read_ext(std::uint64_t lba, std::uint8_t sectors) {
  AtaRequest request;
  request.flags.extended = true;
  request.opcode = ata::Opcode::read_sectors_ext;
  request.lba = lba;
  request.sectors = sectors;
  return request;
}

AtaRequest write_ext(std::uint64_t lba, Bytes data) {
  AtaRequest request = read_ext(lba, static_cast<std::uint8_t>(data.size() / sector_size));
  request.flags.write = true;
  request.opcode = ata::Opcode::write_sectors_ext;
  request.data = data;
  return request;
}

AtaRequest command(ata::Opcode opcode, std::uint8_t sectors) {
  AtaRequest request;
  request.opcode = opcode;
  request.sectors = sectors;
  return request;
}

std::vector<std::uint8_t> frame_of(const Header& header, const Body& body) {
  static std::array<std::uint8_t, ata_header_size + 255 * sector_size> room;
  const std::size_t size = encode(header, body, room);
  return {room.begin(), room.begin() + size};
}

std::vector<std::uint8_t> request_frame(const Body& body, Mac source) {
  return frame_of({target_mac, source, own_address, tag}, body);
}

namespace {

struct Line {
  std::string operator()(const AtaReply& r) const {
    std::string text = fmt::format("ata {:02x}/{:02x} left {}", r.status, r.error, r.sectors_left);
    const auto is_set = [](std::uint8_t byte) { return byte != 0; };
    if (std::ranges::any_of(r.data, is_set) || r.data.size() >= sector_size) {
      text += fmt::format(", {} bytes of {:02x}", r.data.size(), r.data[0]);
    }
    return text;
  }
  std::string operator()(const ConfigReply& r) const {
    return fmt::format("config {} \"{}\", {} buffers, firmware {}, {} sectors", text(r.command),
                       std::string(r.string.begin(), r.string.end()), r.buffer_count, r.firmware,
                       r.sector_count);
  }
  std::string operator()(const MaskReply& r) const {
    if (r.error != MaskError::none) {
      return fmt::format("mask error {} after {}", static_cast<int>(r.error), r.directives_done);
    }
    std::string text = "mask";
    for (std::size_t i = 0; i < r.list.size(); ++i) text += fmt::format(" {}", r.list[i].mac);
    return text;
  }
  std::string operator()(const ReserveReply& r) const {
    std::string text = "reserve";
    for (std::size_t i = 0; i < r.macs.size(); ++i) text += fmt::format(" {}", r.macs[i]);
    return text;
  }
  std::string operator()(const ErrorReply& r) const {
    return fmt::format("error {}", static_cast<int>(r.code));
  }
  std::string operator()(const auto&) const { return "no reply of a target"; }
};

}  // namespace

std::string line(const Frame& reply) {
  return reply.body ? std::visit(Line{}, *reply.body) : "not decodable";
}

std::string line(Bytes reply) {
  const auto frame = decode(reply);
  return frame ? line(*frame) : "no frame";
}

bool holds_nothing_else(Bytes reply) {
  const auto frame = decode(reply);
  if (!frame || !frame->body) return false;
  Body body = *frame->body;
  if (auto* ata = std::get_if<AtaReply>(&body); ata != nullptr && ata->data.size() < sector_size) {
    ata->data = {};  // padding
  }
  return std::ranges::equal(frame_of(frame->header, body), reply);
}

}  // namespace aoe::target
