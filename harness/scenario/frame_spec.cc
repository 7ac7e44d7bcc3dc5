#include "harness/scenario/frame_spec.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/yaml_map.h"
#include "proto/ata.h"

namespace aoe::harness {
namespace {

/// The words of a field, each for a number; a number says itself, so that any can be said.
struct Word {
  std::string_view text;
  std::uint64_t value;
};
using Words = std::vector<Word>;

constexpr std::uint64_t number_of(ata::Opcode opcode) {
  return static_cast<std::uint64_t>(opcode);
}

const Words commands{{"ata", 0}, {"config", 1}, {"mask", 2}, {"reserve", 3}};
const Words header_flags{{"error", flag_error}, {"response", flag_response}};
const Words errors{{"none", 0},
                   {"unrecognized-command", 1},
                   {"bad-argument", 2},
                   {"device-unavailable", 3},
                   {"config-string-present", 4},
                   {"unsupported-version", 5},
                   {"target-reserved", 6}};
const Words opcodes{{"read", number_of(ata::Opcode::read_sectors)},
                    {"read-ext", number_of(ata::Opcode::read_sectors_ext)},
                    {"read-dma", number_of(ata::Opcode::read_dma)},
                    {"read-dma-ext", number_of(ata::Opcode::read_dma_ext)},
                    {"read-verify", number_of(ata::Opcode::read_verify)},
                    {"read-verify-ext", number_of(ata::Opcode::read_verify_ext)},
                    {"write", number_of(ata::Opcode::write_sectors)},
                    {"write-ext", number_of(ata::Opcode::write_sectors_ext)},
                    {"write-dma", number_of(ata::Opcode::write_dma)},
                    {"write-dma-ext", number_of(ata::Opcode::write_dma_ext)},
                    {"flush", number_of(ata::Opcode::flush_cache)},
                    {"flush-ext", number_of(ata::Opcode::flush_cache_ext)},
                    {"identify", number_of(ata::Opcode::identify_device)},
                    {"smart", number_of(ata::Opcode::smart)},
                    {"trim", number_of(ata::Opcode::data_set_management)},
                    {"check-power-mode", number_of(ata::Opcode::check_power_mode)},
                    {"idle", number_of(ata::Opcode::idle)},
                    {"idle-immediate", number_of(ata::Opcode::idle_immediate)},
                    {"standby", number_of(ata::Opcode::standby)},
                    {"standby-immediate", number_of(ata::Opcode::standby_immediate)}};
const Words ata_flags{{"extended", 0x40}, {"device-head", 0x10}, {"async", 0x02}, {"write", 0x01}};
const Words ata_errors{
    {"none", 0}, {"abrt", ata::error_abrt}, {"idnf", ata::error_idnf}, {"unc", ata::error_unc}};
const Words config_commands{{"read", 0}, {"test", 1}, {"prefix", 2}, {"set", 3}, {"force-set", 4}};
const Words mask_commands{{"read", 0}, {"edit", 1}};
const Words mask_errors{{"none", 0}, {"unspecified", 1}, {"bad-directive", 2}, {"list-full", 3}};
const Words directive_commands{{"none", 0}, {"add", 1}, {"delete", 2}};
const Words reserve_commands{{"read", 0}, {"set", 1}, {"force-set", 2}};
const Words any_address{{"any", UINT64_MAX}};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A word, or a number up to `most`.
std::uint64_t code_of(const YamlMap& map, const std::string& key, const YAML::Node& node,
                      const Words& words, std::uint64_t most) {
  const std::string text = node.IsScalar() ? node.Scalar() : "something else";
  const auto word = std::ranges::find(words, text, &Word::text);
  if (word != words.end()) return word->value == UINT64_MAX ? most : word->value;
  if (const auto number = parse_number(text); number && *number <= most) return *number;
  std::set<std::string> known;
  for (const Word& each : words) known.emplace(each.text);
  const std::string hint = nearest(text, known);
  map.fail(node, fmt::format("{}: expected {}{}a number up to {}, got '{}'{}", key,
                             fmt::join(known, ", "), known.empty() ? "" : " or ", most, text,
                             hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
}

template <class Number>
std::optional<Number> code(YamlMap& map, const std::string& key, const Words& words = {},
                           std::uint64_t most = std::numeric_limits<Number>::max()) {
  const auto node = map.find(key);
  if (!node) return std::nullopt;
  return static_cast<Number>(code_of(map, key, *node, words, most));
}

/// A list of words for bits, or a number.
std::optional<std::uint8_t> bits(YamlMap& map, const std::string& key, const Words& words,
                                 std::uint64_t most = 0xff) {
  const auto node = map.find(key);
  if (!node) return std::nullopt;
  if (!node->IsSequence()) return static_cast<std::uint8_t>(code_of(map, key, *node, words, most));
  std::uint64_t all = 0;
  for (const YAML::Node& word : *node) all |= code_of(map, key, word, words, most);
  return static_cast<std::uint8_t>(all);
}

/// "88 a2ff": whole bytes, as many as a frame holds.
std::vector<std::uint8_t> hex_of(const YamlMap& map, const std::string& key,
                                 const YAML::Node& node) {
  std::string digits = node.IsScalar() ? node.Scalar() : "";
  std::erase(digits, ' ');
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = parse_number("0x" + digits.substr(i, 2));
    if (!byte) break;
    bytes.push_back(static_cast<std::uint8_t>(*byte));
  }
  if (bytes.empty() || 2 * bytes.size() != digits.size() || bytes.size() > frame_spec_size_max) {
    map.fail(node, fmt::format("{}: expected pairs of hexadecimal digits, quoted, {} at most", key,
                               frame_spec_size_max));
  }
  return bytes;
}

Content content(YamlMap& map, const std::string& key) {
  const YAML::Node node = map.require(key);
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  if (text == "none") return {};
  if (text == "pattern") return {.kind = Content::Kind::pattern};
  if (text == "zero") return {.kind = Content::Kind::zero};
  return {.kind = Content::Kind::bytes, .bytes = hex_of(map, key, node)};
}

Mac mac_of(const YamlMap& map, const std::string& key, const YAML::Node& node) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  if (text == "broadcast") return Mac::broadcast();
  if (const auto mac = parse_mac(text)) return *mac;
  map.fail(node, key + ": expected a quoted address such as \"02:00:00:00:00:99\", or broadcast");
}

std::optional<Mac> mac(YamlMap& map, const std::string& key) {
  const auto node = map.find(key);
  if (!node) return std::nullopt;
  return mac_of(map, key, *node);
}

std::vector<Mac> macs(YamlMap& map, const std::string& key) {
  std::vector<Mac> list;
  for (const YAML::Node& item : map.items(key)) list.push_back(mac_of(map, key, item));
  if (list.size() > 255) map.fail(map.require(key), key + ": expected 255 addresses at most");
  return list;
}

AtaFields parse_ata(YamlMap map) {
  AtaFields ata;
  map.require("op");
  ata.opcode = *code<std::uint8_t>(map, "op", opcodes);
  const auto kind = ata::kind(ata::Opcode{ata.opcode});
  const bool has_data = kind == ata::Kind::read || kind == ata::Kind::write;
  ata.lba = code<std::uint64_t>(map, "lba", {}, ata::lba48_sectors_max - 1).value_or(0);
  ata.count =
      code<std::uint8_t>(map, "count").value_or(has_data || kind == ata::Kind::identify ? 1 : 0);
  ata.flags = bits(map, "flags", ata_flags);
  ata.feature = code<std::uint8_t>(map, "feature").value_or(0);
  if (kind == ata::Kind::write) ata.data.kind = Content::Kind::pattern;
  if (map.has("data")) ata.data = content(map, "data");
  map.finish();
  return ata;
}

/// The string of a config request. Strings of a great length are given by that: `size`.
std::string config_string(YamlMap& map) {
  std::string string = map.has("string") ? map.text("string") : "";
  const std::uint64_t size = map.number("size", string.size(), 0, 8000);
  while (string.size() < size) string += static_cast<char>('a' + string.size() % 26);
  string.resize(size);
  return string;
}

ConfigFields parse_config(YamlMap& map) {
  ConfigFields config;
  config.command = code<std::uint8_t>(map, "op", config_commands, 15).value_or(0);
  config.string = config_string(map);
  config.length = code<std::uint16_t>(map, "length");
  config.buffers = code<std::uint16_t>(map, "buffers").value_or(0);
  config.firmware = code<std::uint16_t>(map, "firmware").value_or(0);
  config.sectors = code<std::uint8_t>(map, "sectors").value_or(0);
  config.version = code<std::uint8_t>(map, "version", {}, 15).value_or(0);
  return config;
}

MaskFields parse_mask(YamlMap& map) {
  MaskFields mask;
  mask.command = code<std::uint8_t>(map, "op", mask_commands).value_or(0);
  mask.error = code<std::uint8_t>(map, "error", mask_errors).value_or(0);
  mask.count = code<std::uint8_t>(map, "count");
  if (const auto list = map.find("directives")) {
    if (!list->IsSequence() || list->size() > 255) {
      map.fail(*list, "directives: expected a list, of 255 at most");
    }
    for (const YAML::Node& item : *list) {
      YamlMap directive(item, map.mark().file, "directives");
      directive.require("op");
      directive.require("mac");
      mask.directives.push_back(
          {*code<std::uint8_t>(directive, "op", directive_commands), *mac(directive, "mac")});
      directive.finish();
    }
  }
  return mask;
}

ReserveFields parse_reserve(YamlMap& map) {
  ReserveFields reserve;
  reserve.command = code<std::uint8_t>(map, "op", reserve_commands).value_or(0);
  reserve.count = code<std::uint8_t>(map, "count");
  reserve.macs = macs(map, "macs");
  return reserve;
}

/// What the header of a request says beyond what it must.
void parse_header(YamlMap& map, FrameSpec& frame) {
  frame.destination = mac(map, "destination");
  frame.source = mac(map, "source");
  frame.shelf = code<std::uint16_t>(map, "shelf", any_address);
  frame.slot = code<std::uint8_t>(map, "slot", any_address);
  frame.tag = code<std::uint32_t>(map, "tag");
}

/// The one of the keys that say what follows the header; 0: `ata`.
constexpr std::uint8_t parse_arg_none = 0xff;
std::uint8_t parse_arg(YamlMap& map, FrameSpec& frame) {
  std::vector<std::string> given;
  for (const char* key : {"ata", "config", "mask", "reserve", "arg"}) {
    if (map.has(key)) given.emplace_back(key);
  }
  if (given.empty()) return parse_arg_none;
  if (given.size() > 1) {
    map.fail(map.require(given[1]),
             fmt::format("'{}' and '{}': expected one of them", given[0], given[1]));
  }
  if (given[0] == "arg") {
    frame.arg = hex_of(map, "arg", map.require("arg"));
    return parse_arg_none;
  }
  YamlMap fields = map.map(given[0]);
  if (given[0] == "ata") {
    frame.arg = parse_ata(std::move(fields));
    return 0;
  }
  if (given[0] == "config") {
    frame.arg = parse_config(fields);
  } else if (given[0] == "mask") {
    frame.arg = parse_mask(fields);
  } else {
    frame.arg = parse_reserve(fields);
  }
  fields.finish();
  return static_cast<std::uint8_t>(std::ranges::find(commands, given[0], &Word::text)->value);
}

/// "ok", "error", a number: the status register.
std::optional<Bits> ata_status(YamlMap& map) {
  const auto node = map.find("status");
  if (!node) return std::nullopt;
  const Words words{{"ok", ata::status_drdy}, {"error", ata::status_drdy | ata::status_err}};
  const auto value = static_cast<std::uint8_t>(code_of(map, "status", *node, words, 0xff));
  const bool is_word = node->Scalar() == "ok" || node->Scalar() == "error";
  constexpr std::uint8_t told = ata::status_drdy | ata::status_failed;
  return Bits{is_word ? told : std::uint8_t{0xff}, value};
}

void parse_ata_reply(YamlMap map, ReplySpec& reply) {
  reply.ata_status = ata_status(map);
  reply.ata_error = code<std::uint8_t>(map, "error", ata_errors);
  reply.ata_count = code<std::uint8_t>(map, "count");
  reply.ata_lba = code<std::uint64_t>(map, "lba", {}, ata::lba48_sectors_max - 1);
  if (map.has("data")) reply.ata_data = content(map, "data");
  map.finish();
}

void parse_config_reply(YamlMap map, ReplySpec& reply) {
  reply.config_command = code<std::uint8_t>(map, "op", config_commands, 15);
  reply.buffers = code<std::uint16_t>(map, "buffers");
  reply.firmware = code<std::uint16_t>(map, "firmware");
  reply.sectors = code<std::uint8_t>(map, "sectors");
  reply.config_version = code<std::uint8_t>(map, "version", {}, 15);
  const bool has_string = map.has("string");
  const bool has_size = map.has("size");
  if (has_string || has_size) reply.string = config_string(map);
  map.finish();
}

void parse_list_reply(YamlMap& map, const Words& words, std::optional<std::uint8_t>& command,
                      std::optional<std::uint8_t>& count, ReplySpec& reply) {
  command = code<std::uint8_t>(map, "op", words);
  count = code<std::uint8_t>(map, "count");
  if (map.has("macs")) reply.macs = macs(map, "macs");
}

ReplySpec parse_fields(YamlMap& map) {
  ReplySpec reply;
  reply.error = code<std::uint8_t>(map, "error", errors);
  reply.version = code<std::uint8_t>(map, "version", {}, 15);
  reply.flags = bits(map, "flags", header_flags, 15);
  reply.command = code<std::uint8_t>(map, "command", commands);
  reply.shelf = code<std::uint16_t>(map, "shelf", any_address);
  reply.slot = code<std::uint8_t>(map, "slot", any_address);
  reply.size = code<std::uint32_t>(map, "size", {}, frame_spec_size_max);
  if (map.has("ata")) parse_ata_reply(map.map("ata"), reply);
  if (map.has("config")) parse_config_reply(map.map("config"), reply);
  if (map.has("mask")) {
    YamlMap mask = map.map("mask");
    reply.mask_error = code<std::uint8_t>(mask, "error", mask_errors);
    parse_list_reply(mask, mask_commands, reply.mask_command, reply.mask_count, reply);
    mask.finish();
  }
  if (map.has("reserve")) {
    YamlMap reserve = map.map("reserve");
    parse_list_reply(reserve, reserve_commands, reply.reserve_command, reply.reserve_count, reply);
    reserve.finish();
  }
  return reply;
}

/// "ok", "silence", "bad-argument": an answer in a word.
void parse_word(const YAML::Node& node, const std::string& file, ExpectReply& expect) {
  const std::string& word = node.Scalar();
  if (word == "silence") {
    expect.silence = true;
    return;
  }
  if (word == "ok") {
    expect.any.push_back({.success = true});
    return;
  }
  const auto error = std::ranges::find(errors, word, &Word::text);
  if (error == errors.end() || error->value == 0) {
    std::set<std::string> known{"ok", "silence"};
    for (const Word& each : errors) {
      if (each.value != 0) known.emplace(each.text);
    }
    const std::string hint = nearest(word, known);
    fail_at(mark_at(file, node.Mark()),
            fmt::format("reply: expected one of {}, got '{}'{}", fmt::join(known, ", "), word,
                        hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }
  expect.any.push_back({.error = static_cast<std::uint8_t>(error->value)});
}

void parse_alternatives(const YAML::Node& node, const std::string& file, ExpectReply& expect) {
  for (const YAML::Node& item : node) {
    if (item.IsScalar()) {
      parse_word(item, file, expect);
      continue;
    }
    YamlMap map(item, file, "reply");
    expect.any.push_back(parse_fields(map));
    map.finish();
  }
}

std::string_view word_for(const Words& words, std::uint64_t value) {
  const auto word = std::ranges::find(words, value, &Word::value);
  return word == words.end() ? "" : word->text;
}

std::string in_words(std::string_view field, const Words& words, std::uint64_t value) {
  const std::string_view word = word_for(words, value);
  return word.empty() ? fmt::format("{} {}", field, value) : fmt::format("{} {}", field, word);
}

std::string in_words(const Content& content) {
  switch (content.kind) {
    case Content::Kind::none: return "none";
    case Content::Kind::pattern: return "pattern";
    case Content::Kind::zero: return "zero";
    case Content::Kind::bytes: break;
  }
  return fmt::format("{:02x}", fmt::join(content.bytes, ""));
}

}  // namespace

std::string describe(const ReplySpec& reply) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view field, const auto& value, const Words& words = {}) {
    if (value) parts.push_back(in_words(field, words, *value));
  };
  if (reply.success) parts.emplace_back("ok");
  add("error", reply.error, errors);
  add("version", reply.version);
  add("flags", reply.flags);
  add("command", reply.command, commands);
  add("shelf", reply.shelf);
  add("slot", reply.slot);
  add("size", reply.size);
  if (reply.ata_status) {
    const Words words{{"ok", ata::status_drdy}, {"error", ata::status_drdy | ata::status_err}};
    parts.push_back(in_words("status", words, reply.ata_status->value));
  }
  add("ata error", reply.ata_error, ata_errors);
  add("count", reply.ata_count);
  add("lba", reply.ata_lba);
  if (reply.ata_data) parts.push_back("data " + in_words(*reply.ata_data));
  add("buffers", reply.buffers);
  add("firmware", reply.firmware);
  add("sectors", reply.sectors);
  add("config version", reply.config_version);
  add("config op", reply.config_command, config_commands);
  if (reply.string) {
    parts.push_back(reply.string->size() > 40 ? fmt::format("a string of {}", reply.string->size())
                                              : fmt::format("string \"{}\"", *reply.string));
  }
  add("mask op", reply.mask_command, mask_commands);
  add("mask error", reply.mask_error, mask_errors);
  add("mask count", reply.mask_count);
  add("reserve op", reply.reserve_command, reserve_commands);
  add("reserve count", reply.reserve_count);
  if (reply.macs) {
    parts.push_back(reply.macs->empty() ? "an empty list"
                                        : fmt::format("list {}", fmt::join(*reply.macs, " ")));
  }
  return parts.empty() ? "any answer" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string describe(const ExpectReply& reply) {
  std::vector<std::string> parts;
  for (const ReplySpec& spec : reply.any) parts.push_back(describe(spec));
  if (reply.silence) parts.emplace_back("silence");
  return fmt::format("{}", fmt::join(parts, "; or "));
}

FrameSpec parse_send(YamlMap& map) {
  FrameSpec frame;
  if (map.has("id")) frame.id = map.name("id");
  if (map.has("to") && map.choice("to", {"target", "initiator"}) == 1) {
    frame.direction = Direction::to_initiator;
  }
  parse_header(map, frame);
  frame.version = code<std::uint8_t>(map, "version", {}, 15).value_or(protocol_version);
  frame.flags = bits(map, "flags", header_flags, 15);
  frame.error = code<std::uint8_t>(map, "error", errors).value_or(0);
  const std::uint8_t implied = parse_arg(map, frame);
  const auto command = code<std::uint8_t>(map, "command", commands);
  const auto bytes = map.find("bytes");
  if (bytes) frame.bytes = hex_of(map, "bytes", *bytes);
  if (!command && implied == parse_arg_none && !bytes) {
    fail_at(map.mark(), "send: expected ata, config, mask, reserve, a command, or bytes");
  }
  frame.command = command.value_or(implied);
  frame.truncate = code<std::uint32_t>(map, "truncate", {}, frame_spec_size_max);
  frame.pad = code<std::uint32_t>(map, "pad", {}, frame_spec_size_max)
                  .value_or(frame.truncate || frame.bytes ? 0 : frame_size_min);
  frame.repeat = static_cast<std::uint32_t>(map.number("repeat", 1, 1, 10'000));
  map.finish();
  return frame;
}

Query parse_query(const std::string& word, YamlMap& map) {
  Query query;
  FrameSpec& frame = query.request;
  parse_header(map, frame);
  if (word == "identify") {
    frame.arg = AtaFields{.count = 1, .opcode = number_of(ata::Opcode::identify_device)};
  } else if (word == "config") {
    frame.arg = parse_config(map);
  } else if (word == "mask") {
    frame.arg = parse_mask(map);
  } else {
    frame.arg = parse_reserve(map);
  }
  frame.command =
      word == "identify"
          ? std::uint8_t{0}
          : static_cast<std::uint8_t>(std::ranges::find(commands, word, &Word::text)->value);
  if (const auto reply = map.find("expect")) {
    query.reply = parse_reply(*reply, map.mark().file);
  } else {
    query.reply.any.push_back({.success = true});
  }
  map.finish();
  return query;
}

ExpectReply parse_reply(const YAML::Node& node, const std::string& file) {
  ExpectReply expect;
  if (node.IsScalar()) {
    parse_word(node, file, expect);
    return expect;
  }
  if (node.IsSequence()) {
    parse_alternatives(node, file, expect);
  } else {
    YamlMap map(node, file, "reply");
    if (map.has("of")) expect.of = map.name("of");
    if (const auto within = map.find("within")) {
      if (!within->IsScalar()) map.fail(*within, "within: expected a time");
      expect.within = TimeExpression::parse(within->Scalar(), map.mark_of(*within));
    }
    const ReplySpec fields = parse_fields(map);
    const auto any = map.find("any");
    if (!any) {
      expect.any.push_back(fields);
    } else if (!any->IsSequence()) {
      map.fail(*any, "any: expected a list of answers");
    } else if (describe(fields) != describe(ReplySpec{})) {
      map.fail(*any, "any: expected no fields beside it");
    } else {
      parse_alternatives(*any, file, expect);
    }
    map.finish();
  }
  if (expect.any.empty() && !expect.silence) {
    fail_at(mark_at(file, node.Mark()), "reply: expected an answer");
  }
  return expect;
}

ExpectReplies parse_replies(YamlMap& map) {
  ExpectReplies replies;
  if (map.has("of")) replies.of = map.name("of");
  replies.count = static_cast<std::uint32_t>(map.number("count", 1, 0, 1'000'000));
  map.finish();
  return replies;
}

}  // namespace aoe::harness
