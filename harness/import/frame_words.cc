#include "harness/import/frame_words.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "config/yaml_map.h"
#include "harness/judge/record.h"
#include "harness/language/frame_spec.h"
#include "harness/run/raw_exchange.h"
#include "harness/world/world.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

using layout::get;
using layout::set;
using Parts = std::vector<std::string>;

constexpr std::uint64_t lba28_mask = 0x0fff'ffff;
constexpr std::uint8_t extended_flag = 0x40;

std::string mapping(const Parts& parts) {
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

/// "read-ext" or "0x5a".
std::string word_of(Field field, std::uint64_t value) {
  const std::string_view word = layout::word(field, value);
  return word.empty() ? fmt::format("0x{:x}", value) : std::string(word);
}

void add_number(Parts& parts, std::string_view key, std::uint64_t value) {
  if (value != 0) parts.push_back(fmt::format("{}: {}", key, value));
}

std::string ata_words(Bytes frame) {
  const ata::Opcode opcode{get<Field::ata_op>(frame)};
  Parts parts{fmt::format("op: {}", word_of(Field::ata_op, get<Field::ata_op>(frame)))};
  const std::uint8_t flags = get<Field::ata_flags>(frame);
  const std::uint64_t lba = get<Field::ata_lba>(frame);
  add_number(parts, "lba", (flags & extended_flag) == 0 ? lba & lba28_mask : lba);
  parts.push_back(fmt::format("count: {}", get<Field::ata_count>(frame)));
  add_number(parts, "feature", get<Field::ata_feature>(frame));
  if (flags != *ata_request(opcode, 0).value(Field::ata_flags))
    parts.push_back(fmt::format("flags: 0x{:02x}", flags));
  return "ata: " + mapping(parts);
}

std::string config_words(Bytes frame) {
  const std::size_t length = get<Field::config_length>(frame);
  const Bytes rest = frame.subspan(config_header_size);
  const Bytes string = rest.first(std::min(length, rest.size()));
  Parts parts{fmt::format("op: {}", word_of(Field::config_op, get<Field::config_op>(frame)))};
  if (!string.empty()) {
    const bool is_plain = is_name(std::string(string.begin(), string.end()));
    parts.push_back(is_plain
                        ? fmt::format("string: \"{}\"", std::string(string.begin(), string.end()))
                        : fmt::format("hex: \"{}\"", to_hex(string)));
  }
  if (length != string.size()) parts.push_back(fmt::format("length: {}", length));
  add_number(parts, "buffers", get<Field::config_buffers>(frame));
  add_number(parts, "firmware", get<Field::config_firmware>(frame));
  add_number(parts, "sectors", get<Field::config_sectors>(frame));
  add_number(parts, "version", get<Field::config_version>(frame));
  return "config: " + mapping(parts);
}

std::string mask_words(Bytes frame) {
  Parts parts{fmt::format("op: {}", word_of(Field::mask_op, get<Field::mask_op>(frame)))};
  const std::size_t count = get<Field::mask_count>(frame);
  Parts directives;
  for (std::size_t i = 0; i < count && layout::has(Field::mask_directive_address, frame, i); ++i) {
    directives.push_back(fmt::format(
        "{{op: {}, mac: {}}}",
        word_of(Field::mask_directive_op, layout::get(Field::mask_directive_op, frame, i)),
        in_quotes(layout::mac(layout::get(Field::mask_directive_address, frame, i)))));
  }
  if (!directives.empty())
    parts.push_back(fmt::format("directives: [{}]", fmt::join(directives, ", ")));
  if (count != directives.size()) parts.push_back(fmt::format("count: {}", count));
  add_number(parts, "error", get<Field::mask_error>(frame));
  return "mask: " + mapping(parts);
}

std::string reserve_words(Bytes frame) {
  Parts parts{fmt::format("op: {}", word_of(Field::reserve_op, get<Field::reserve_op>(frame)))};
  const std::size_t count = get<Field::reserve_count>(frame);
  Parts macs;
  for (std::size_t i = 0; i < count && layout::has(Field::reserve_address, frame, i); ++i)
    macs.push_back(in_quotes(layout::mac(layout::get(Field::reserve_address, frame, i))));
  if (!macs.empty()) parts.push_back(fmt::format("macs: [{}]", fmt::join(macs, ", ")));
  if (count != macs.size()) parts.push_back(fmt::format("count: {}", count));
  return "reserve: " + mapping(parts);
}

/// What follows the header, in the words of its command; empty: no words are made for it.
std::string message_words(Bytes frame) {
  const auto command = Command{get<Field::command>(frame)};
  const bool is_known = command <= Command::reserve;
  if (!is_known || frame.size() < layout::fixed_size(layout::Message{get<Field::command>(frame)}))
    return {};
  switch (command) {
    case Command::ata: return ata_words(frame);
    case Command::config: return config_words(frame);
    case Command::mask: return mask_words(frame);
    case Command::reserve: return reserve_words(frame);
  }
  return {};
}

/// The header's fields that are not as by default. `frame`: as it is sent.
Parts header_words(Bytes frame, const CapturedEnds& ends) {
  Parts parts;
  const auto destination = get<Field::destination>(frame);
  if (destination == Mac::broadcast()) {
    parts.emplace_back("destination: broadcast");
  } else if (destination != target_mac) {
    parts.push_back("destination: " + in_quotes(destination));
  }
  if (const Mac source = get<Field::source>(frame); source != initiator_mac)
    parts.push_back("source: " + in_quotes(source));
  if (const unsigned version = get<Field::version>(frame); version != protocol_version)
    parts.push_back(fmt::format("version: {}", version));
  if (const unsigned flags = get<Field::flags>(frame); flags != 0)
    parts.push_back(fmt::format("flags: 0x{:x}", flags));
  add_number(parts, "error", get<Field::error>(frame));
  if (const unsigned shelf = get<Field::shelf>(frame); shelf != ends.device.shelf)
    parts.push_back("shelf: " + (shelf == Address::any_shelf ? "any" : std::to_string(shelf)));
  if (const unsigned slot = get<Field::slot>(frame); slot != ends.device.slot)
    parts.push_back("slot: " + (slot == Address::any_slot ? "any" : std::to_string(slot)));
  parts.push_back(fmt::format("tag: 0x{:08x}", get<Field::tag>(frame)));
  return parts;
}

/// Do the words mean the frame?
bool mean(const std::string& words, Bytes frame, const CapturedEnds& ends) {
  try {
    YamlMap map(YAML::Load(words), "import", "send");
    const FrameSpec spec = parse_send(map, Network::of_two());
    const RawDefaults defaults{.initiator = initiator_mac,
                               .target = {target_mac, ends.device},
                               .tag = 0,
                               .disk_has_pattern = false};
    return std::ranges::equal(encode(spec, defaults), frame);
  } catch (const YamlError&) {
    return false;
  }
}

Bytes without_zeros(Bytes bytes) {
  while (!bytes.empty() && bytes.back() == 0) bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

}  // namespace

std::vector<std::uint8_t> as_sent(Bytes captured, const CapturedEnds& ends) {
  std::vector<std::uint8_t> frame(captured.begin(), captured.end());
  if (frame.size() < ethernet_header_size) return frame;
  const Mac destination = get<Field::destination>(frame);
  if (destination == ends.target || destination == Mac{})
    set<Field::destination>(frame, target_mac);
  if (get<Field::source>(frame) == ends.initiator) set<Field::source>(frame, initiator_mac);
  const auto decoded = decode(captured);
  if (decoded && decoded->body && frame.size() < frame_size_min) frame.resize(frame_size_min);
  const bool is_ata =
      decoded && !decoded->response && decoded->command == 0 && frame.size() > ata_header_size;
  if (is_ata && ata::kind(ata::Opcode{get<Field::ata_op>(frame)}) == ata::Kind::write)
    std::fill(frame.begin() + ata_header_size, frame.end(), std::uint8_t{0});
  return frame;
}

std::vector<std::uint8_t> as_answered(Bytes captured, const CapturedEnds& ends) {
  std::vector<std::uint8_t> frame(captured.begin(), captured.end());
  if (frame.size() < ethernet_header_size) return frame;
  const Mac destination = get<Field::destination>(frame);
  if (destination == ends.initiator || destination == Mac{})
    set<Field::destination>(frame, initiator_mac);
  if (get<Field::source>(frame) == ends.target) set<Field::source>(frame, target_mac);
  return frame;
}

std::string send_words(Bytes captured, const CapturedEnds& ends) {
  const std::vector<std::uint8_t> frame = as_sent(captured, ends);
  const std::string bytes = fmt::format("{{bytes: \"{}\"}}", to_hex(frame));
  if (frame.size() < header_size) return bytes;
  const Parts header = header_words(frame, ends);
  if (const std::string message = message_words(frame); !message.empty()) {
    for (const std::string& size : {std::string(), fmt::format("pad: {}", frame.size()),
                                    fmt::format("truncate: {}", frame.size())}) {
      Parts parts = header;
      parts.push_back(message);
      if (!size.empty()) parts.push_back(size);
      if (const std::string words = mapping(parts); mean(words, frame, ends)) return words;
    }
  }
  Parts parts = header;
  parts.push_back(fmt::format("command: {}", get<Field::command>(frame)));
  const Bytes rest = Bytes(frame).subspan(header_size);
  const bool is_short = frame.size() < frame_size_min;
  const Bytes told = is_short ? rest : without_zeros(rest);
  if (!told.empty()) parts.push_back(fmt::format("arg: \"{}\"", to_hex(told)));
  if (frame.size() != frame_size_min)
    parts.push_back(fmt::format("{}: {}", is_short ? "truncate" : "pad", frame.size()));
  const std::string words = mapping(parts);
  return mean(words, frame, ends) ? words : bytes;
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

std::string in_quotes(const Mac& mac) {
  return fmt::format("\"{}\"", mac);
}

}  // namespace aoe::harness
