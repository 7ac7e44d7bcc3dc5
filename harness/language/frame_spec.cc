#include "harness/language/frame_spec.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
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
const Words many{{"buffers", UINT64_MAX}};
/// What an `ask` step asks, each in the plainest way.
const Words questions{{"config", 1}, {"flush", 0},   {"identify", 0},        {"mask", 2},
                      {"read", 0},   {"reserve", 3}, {"unknown-command", 9}, {"write", 0}};

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

std::uint64_t number_of(const Mac& mac) {
  std::uint64_t number = 0;
  for (const std::uint8_t octet : mac.octets) number = number << 8 | octet;
  return number;
}

/// An address, or all "from..to" of them.
std::vector<Mac> macs_of(const YamlMap& map, const std::string& key, const YAML::Node& node) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return {mac_of(map, key, node)};
  const auto first = parse_mac(text.substr(0, dots));
  const auto last = parse_mac(text.substr(dots + 2));
  if (!first || !last || *last < *first || number_of(*last) - number_of(*first) > 254) {
    map.fail(node, key +
                       ": expected a range of 255 addresses at most, such as "
                       "\"02:00:00:00:01:00..02:00:00:00:01:63\"");
  }
  std::vector<Mac> list{*first};
  while (list.back() != *last) {
    Mac next = list.back();
    for (std::size_t i = next.octets.size(); i-- > 0 && ++next.octets[i] == 0;) {
    }
    list.push_back(next);
  }
  return list;
}

std::vector<Mac> macs(YamlMap& map, const std::string& key) {
  std::vector<Mac> list;
  for (const YAML::Node& item : map.items(key)) {
    for (const Mac& mac : macs_of(map, key, item)) list.push_back(mac);
  }
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
  const auto count = map.find("count");
  ata.most = count && count->IsScalar() && count->Scalar() == "most";
  if (!ata.most) {
    ata.count =
        code<std::uint8_t>(map, "count").value_or(has_data || kind == ata::Kind::identify ? 1 : 0);
  }
  ata.flags = bits(map, "flags", ata_flags);
  ata.feature = code<std::uint8_t>(map, "feature").value_or(0);
  if (kind == ata::Kind::write) ata.data.kind = Content::Kind::pattern;
  if (map.has("data")) ata.data = content(map, "data");
  map.finish();
  return ata;
}

/// The string of a config query. Strings of a great length are given by that: `size`; those that
/// are no text by their bytes: `hex`.
std::string config_string(YamlMap& map) {
  if (const auto hex = map.find("hex")) {
    const auto bytes = hex_of(map, "hex", *hex);
    if (map.has("string") || map.has("size")) {
      map.fail(*hex, "hex: expected no string and no size beside it");
    }
    return {bytes.begin(), bytes.end()};
  }
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
      const auto command = *code<std::uint8_t>(directive, "op", directive_commands);
      for (const Mac& mac : macs_of(directive, "mac", directive.require("mac"))) {
        mask.directives.push_back({command, mac});
      }
      directive.finish();
    }
    if (mask.directives.size() > 255)
      map.fail(*list, "directives: expected a list, of 255 at most");
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
  const auto tag = map.find("tag");
  frame.tag_each = tag && tag->IsScalar() && tag->Scalar() == "each";
  if (!frame.tag_each) frame.tag = code<std::uint32_t>(map, "tag");
}

/// The plainest request of a kind.
void parse_question(YamlMap& map, FrameSpec& frame) {
  const YAML::Node kind = map.require("kind");
  const auto command = code_of(map, "kind", kind, questions, 255);
  const std::string& word = kind.Scalar();
  frame.command = static_cast<std::uint8_t>(command);
  if (word == "config") frame.arg = ConfigFields{};
  if (word == "mask") frame.arg = MaskFields{};
  if (word == "reserve") frame.arg = ReserveFields{};
  const auto ata = [&](ata::Opcode opcode, std::uint8_t count) {
    frame.arg = AtaFields{.count = count, .opcode = static_cast<std::uint8_t>(opcode)};
  };
  if (word == "identify") ata(ata::Opcode::identify_device, 1);
  if (word == "flush") ata(ata::Opcode::flush_cache, 0);
  if (word == "read") ata(ata::Opcode::read_sectors_ext, 1);
  if (word == "write") {
    ata(ata::Opcode::write_sectors_ext, 1);
    std::get<AtaFields>(frame.arg).data.kind = Content::Kind::pattern;
  }
}

/// The one of the keys that say what follows the header; 0: `ata`.
constexpr std::uint8_t parse_arg_none = 0xff;
std::uint8_t parse_arg(YamlMap& map, FrameSpec& frame) {
  std::vector<std::string> given;
  for (const char* key : {"ata", "config", "mask", "reserve", "arg", "kind"}) {
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
  if (given[0] == "kind") {
    parse_question(map, frame);
    return frame.command;
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

/// "ok", "error", "failed", a number: the status register.
std::optional<Bits> ata_status(YamlMap& map) {
  const auto node = map.find("status");
  if (!node) return std::nullopt;
  if (node->IsScalar() && node->Scalar() == "failed") return Bits{ata::status_failed, 0, true};
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
  const bool has_hex = map.has("hex");
  if (has_string || has_size || has_hex) reply.string = config_string(map);
  map.finish();
}

IdentifyWords parse_identify_words(YamlMap map) {
  IdentifyWords words;
  map.require("word");
  words.word = *code<std::uint8_t>(map, "word");
  words.count = static_cast<std::uint8_t>(map.number("count", 1, 1, 4));
  if (words.word + words.count > 256) map.fail(map.require("count"), "count: beyond word 255");
  const std::uint64_t most =
      words.count == 4 ? UINT64_MAX : (std::uint64_t{1} << (16 * words.count)) - 1;
  words.mask = code<std::uint64_t>(map, "mask", {}, most).value_or(most);
  map.require("is");
  words.value = *code<std::uint64_t>(map, "is", {}, most);
  map.finish();
  return words;
}

void parse_identify_reply(YamlMap map, ReplySpec& reply) {
  if (const auto list = map.find("words")) {
    if (!list->IsSequence()) map.fail(*list, "words: expected a list");
    for (const YAML::Node& item : *list) {
      reply.identify_words.push_back(parse_identify_words(YamlMap(item, map.mark().file, "words")));
    }
  }
  if (map.has("texts")) {
    map.choice("texts", {"padded"});
    reply.identify_texts = true;
  }
  if (map.has("checksum")) {
    map.choice("checksum", {"right"});
    reply.identify_checksum = true;
  }
  map.finish();
}

void parse_list_reply(YamlMap& map, const Words& words, std::optional<std::uint8_t>& command,
                      std::optional<std::uint8_t>& count, ReplySpec& reply) {
  command = code<std::uint8_t>(map, "op", words);
  count = code<std::uint8_t>(map, "count");
  if (map.has("macs")) reply.macs = macs(map, "macs");
  if (map.has("listed")) {
    map.choice("listed", {"whole"});
    reply.list_whole = true;
  }
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
  if (map.has("identify")) parse_identify_reply(map.map("identify"), reply);
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

/// "ok", "answer", "silence", "bad-argument": an answer in a word.
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
  if (word == "answer") {
    expect.any.emplace_back();
    return;
  }
  const auto error = std::ranges::find(errors, word, &Word::text);
  if (error == errors.end() || error->value == 0) {
    std::set<std::string> known{"answer", "ok", "silence"};
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

std::string describe(const IdentifyWords& words) {
  const bool one = words.count == 1;
  return fmt::format("{} {}{} is {}", one ? "word" : "words", words.word,
                     one ? "" : fmt::format("-{}", words.word + words.count - 1), words.value);
}

}  // namespace

std::string printable(const std::string& string) {
  std::string text;
  for (const char c : string) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
    }
  }
  return text;
}

std::string_view text(Feature feature) {
  switch (feature) {
    case Feature::dma: return "dma";
    case Feature::flush: return "flush";
    case Feature::flush_ext: return "flush-ext";
    case Feature::lba48: return "lba48";
    case Feature::power_management: return "power-management";
    case Feature::smart: return "smart";
    case Feature::trim: return "trim";
  }
  AOE_CHECK(false && "a feature without a name");
}

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
    parts.push_back(reply.ata_status->any ? std::string("status failed")
                                          : in_words("status", words, reply.ata_status->value));
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
  for (const IdentifyWords& words : reply.identify_words) parts.push_back(describe(words));
  if (reply.identify_texts) parts.emplace_back("texts padded");
  if (reply.identify_checksum) parts.emplace_back("checksum right");
  if (reply.string) {
    parts.push_back(reply.string->size() > 40
                        ? fmt::format("a string of {}", reply.string->size())
                        : fmt::format("string \"{}\"", printable(*reply.string)));
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
  if (reply.list_whole) parts.emplace_back("the whole list");
  return parts.empty() ? "any answer" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string describe(const ExpectReply& reply) {
  std::vector<std::string> parts;
  for (const ReplySpec& spec : reply.any) parts.push_back(describe(spec));
  if (reply.silence) parts.emplace_back("silence");
  return fmt::format("{}", fmt::join(parts, "; or "));
}

std::string describe(const ExpectAnnouncement& announcement) {
  const std::string fields = describe(announcement.fields);
  return fmt::format("announcement{}{}",
                     announcement.to ? fmt::format(" to {}", *announcement.to) : "",
                     fields == describe(ReplySpec{}) ? "" : ": " + fields);
}

std::string describe(const ExpectStore& store) {
  return fmt::format("lba {}, {} sector{}: {}", store.lba, store.count, store.count == 1 ? "" : "s",
                     in_words(store.data));
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
    fail_at(map.mark(), "send: expected ata, config, mask, reserve, a kind, a command, or bytes");
  }
  frame.command = command.value_or(implied);
  frame.truncate = code<std::uint32_t>(map, "truncate", {}, frame_spec_size_max);
  frame.pad = code<std::uint32_t>(map, "pad", {}, frame_spec_size_max)
                  .value_or(frame.truncate || frame.bytes ? 0 : frame_size_min);
  const auto repeat = map.find("repeat");
  frame.repeat_buffers = repeat && repeat->IsScalar() && repeat->Scalar() == "buffers";
  if (!frame.repeat_buffers) {
    frame.repeat = static_cast<std::uint32_t>(map.number("repeat", 1, 1, 10'000));
  }
  map.finish();
  return frame;
}

Query parse_query(const std::string& word, YamlMap& map) {
  Query query;
  FrameSpec& frame = query.request;
  parse_header(map, frame);
  if (word == "ask") {
    parse_question(map, frame);
  } else if (word == "identify") {
    frame.arg = AtaFields{.count = 1, .opcode = number_of(ata::Opcode::identify_device)};
  } else if (word == "config") {
    frame.arg = parse_config(map);
  } else if (word == "mask") {
    frame.arg = parse_mask(map);
  } else {
    frame.arg = parse_reserve(map);
  }
  if (word != "ask" && word != "identify") {
    frame.command =
        static_cast<std::uint8_t>(std::ranges::find(commands, word, &Word::text)->value);
  }
  if (const auto reply = map.find("expect")) {
    query.reply = parse_reply(*reply, map.mark().file);
  } else {
    query.reply.any.push_back({.success = word != "ask"});
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
  const auto count = map.find("count");
  replies.buffers = count && count->IsScalar() && count->Scalar() == "buffers";
  if (!replies.buffers) {
    replies.count = static_cast<std::uint32_t>(map.number("count", 1, 0, 1'000'000));
  }
  for (const YAML::Node& item : map.items("from")) {
    const auto address = parse_address(item.Scalar());
    if (!address) map.fail(item, "from: expected addresses such as e1.1");
    replies.from.push_back(*address);
  }
  map.finish();
  return replies;
}

ExpectAnnouncement parse_announcement(YamlMap& map) {
  ExpectAnnouncement announcement;
  announcement.to = mac(map, "to");
  if (const auto within = map.find("within")) {
    if (!within->IsScalar()) map.fail(*within, "within: expected a time");
    announcement.within = TimeExpression::parse(within->Scalar(), map.mark_of(*within));
  }
  announcement.fields = parse_fields(map);
  map.finish();
  return announcement;
}

ExpectStore parse_store(YamlMap& map, std::uint64_t sectors) {
  ExpectStore store;
  store.lba = map.number("lba", 0, 0, sectors - 1);
  store.count = static_cast<std::uint32_t>(map.number("count", 1, 1, sectors));
  if (store.lba + store.count > sectors) {
    map.fail(map.require("count"), fmt::format("beyond the disk's last sector, {}", sectors - 1));
  }
  store.data = content(map, "data");
  if (store.data.kind == Content::Kind::none) {
    map.fail(map.require("data"), "data: expected pattern, zero, or bytes");
  }
  map.finish();
  return store;
}

std::vector<Feature> parse_features(YamlMap& map, const std::string& key) {
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(Feature::trim); ++i) {
    words.emplace_back(text(static_cast<Feature>(i)));
  }
  const YAML::Node node = map.require(key);
  std::vector<Feature> features;
  if (node.IsScalar()) {
    features.push_back(static_cast<Feature>(map.choice(key, words)));
  } else {
    for (const std::size_t choice : map.choices(key, words)) {
      features.push_back(static_cast<Feature>(choice));
    }
  }
  return features;
}

}  // namespace aoe::harness
