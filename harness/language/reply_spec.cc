#include "harness/language/reply_spec.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "proto/ata.h"

namespace aoe::harness {
namespace {

using layout::Message;
using layout::Word;

// The words of the status register in a reply: conditions on the bits that tell success from
// failure.
constexpr std::array statuses{Word{"ok", ata::status_drdy},
                              Word{"error", ata::status_drdy | ata::status_err}};
constexpr std::uint8_t telling_bits = ata::status_drdy | ata::status_failed;

std::optional<Condition> parse_status(YamlMap& map) {
  const auto node = map.find("status");
  if (!node) return std::nullopt;
  if (is_word(map, "status", "failed")) {
    return Condition{Field::ata_status, 0, Condition::Kind::any_bit, ata::status_failed};
  }
  const auto value = read_code(map, "status", *node, statuses, 0xff);
  const bool named = std::ranges::find(statuses, node->Scalar(), &Word::text) != statuses.end();
  return Condition{Field::ata_status, value, Condition::Kind::equal,
                   named ? telling_bits : UINT64_MAX};
}

/// The conditions in the mapping of a message.
void parse_conditions(YamlMap& map, Message message, ReplySpec& reply) {
  if (message == Message::ata) {
    if (const auto status = parse_status(map)) reply.fields.push_back(*status);
  }
  const auto add = [&reply](Field field, std::uint64_t value) {
    using Kind = Condition::Kind;
    const bool is_least = (layout::row(field).uses & layout::use::least) != 0;
    const Kind kind = field == Field::error ? Kind::error_code
                      : is_least            ? Kind::at_least
                                            : Kind::equal;
    reply.fields.push_back({field, value, kind});
  };
  read_fields(map, message, layout::use::expect, add, Field::ata_status);
}

IdentifyWords parse_identify_words(YamlMap map) {
  IdentifyWords words;
  map.require("word");
  words.word = static_cast<std::uint8_t>(*read_number(map, "word", UINT8_MAX));
  words.count = static_cast<std::uint8_t>(map.number("count", 1, 1, 4));
  if (words.word + words.count > 256) map.fail(map.require("count"), "count: beyond word 255");
  const std::uint64_t most = UINT64_MAX >> (64 - 16 * words.count);
  words.mask = read_number(map, "mask", most).value_or(most);
  map.require("is");
  words.value = *read_number(map, "is", most);
  map.finish();
  return words;
}

/// Is the key there, with the only word that it may have?
bool has_word(YamlMap& map, const std::string& key, const std::string& word) {
  if (!map.has(key)) return false;
  map.choice(key, {word});
  return true;
}

void parse_identify(YamlMap map, ReplySpec& reply) {
  if (const auto list = map.find("words")) {
    if (!list->IsSequence()) map.fail(*list, "words: expected a list");
    for (const YAML::Node& item : *list) {
      reply.identify_words.push_back(parse_identify_words(YamlMap(item, map.mark().file, "words")));
    }
  }
  reply.identify_texts = has_word(map, "texts", "padded");
  reply.identify_checksum = has_word(map, "checksum", "right");
  map.finish();
}

void parse_message(YamlMap map, Message message, ReplySpec& reply) {
  parse_conditions(map, message, reply);
  if (message == Message::ata) {
    if (map.has("data")) reply.data = read_content(map, "data");
    reply.data_checksum = has_word(map, "checksum", "right");
    if (const auto value = read_number(map, "lba-mid-high", UINT16_MAX)) {
      reply.fields.push_back({Field::ata_lba, *value << 8, Condition::Kind::equal, 0xff'ff00});
    }
  } else if (message == Message::config) {
    const std::array has{map.has("string"), map.has("size"), map.has("hex")};
    if (std::ranges::find(has, true) != has.end()) reply.string = read_config_string(map);
  } else {
    if (map.has("macs")) reply.macs = read_mac_list(map, "macs");
    reply.list_whole = has_word(map, "listed", "whole");
  }
  map.finish();
}

ReplySpec parse_fields(YamlMap& map) {
  ReplySpec reply;
  parse_conditions(map, Message::header, reply);
  if (const auto size = read_number(map, "size", frame_spec_size_max)) {
    reply.size = static_cast<std::uint32_t>(*size);
  }
  for (const Word& command : layout::commands) {
    const std::string word(command.text);
    if (!map.has(word)) continue;
    parse_message(map.map(word), Message{static_cast<std::uint8_t>(command.value)}, reply);
  }
  if (map.has("identify")) parse_identify(map.map("identify"), reply);
  return reply;
}

/// "ok", "answer", "silence", "bad-argument": a reply in a word.
void parse_word(const YAML::Node& node, const std::string& file, ExpectReply& expect) {
  const std::string& word = node.Scalar();
  if (word == "silence") {
    expect.silence = true;
    return;
  }
  if (word == "ok" || word == "answer") {
    expect.any.push_back({.success = word == "ok"});
    return;
  }
  std::set<std::string> known{"answer", "ok", "silence"};
  for (const Word& error : layout::errors) {
    if (error.value == 0) continue;
    known.emplace(error.text);
    if (error.text != word) continue;
    expect.any.push_back({.fields = {{Field::error, error.value, Condition::Kind::error_code}}});
    return;
  }
  fail_at(mark_at(file, node.Mark()), unknown_choice("reply", word, {known.begin(), known.end()}));
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

std::optional<TimeExpression> parse_within(YamlMap& map) {
  const auto within = map.find("within");
  if (!within) return std::nullopt;
  if (!within->IsScalar()) map.fail(*within, "within: expected a time");
  return TimeExpression::parse(within->Scalar(), map.mark_of(*within));
}

std::string words_of(const Condition& condition) {
  const auto [field, value, kind, mask] = condition;
  std::string shown(layout::word(field, value));
  if (field == Field::ata_status && mask == telling_bits) {
    shown = value == ata::status_drdy ? "ok" : "error";
  } else if (kind == Condition::Kind::any_bit) {
    shown = "failed";
  } else if (shown.empty()) {
    shown = layout::format(field, value);
  }
  return fmt::format("{} {}{}", layout::row(field).name, shown,
                     kind == Condition::Kind::at_least ? " or more" : "");
}

std::string words_of(const IdentifyWords& words) {
  const bool one = words.count == 1;
  return fmt::format("{} {}{} is {}", one ? "word" : "words", words.word,
                     one ? "" : fmt::format("-{}", words.word + words.count - 1), words.value);
}

}  // namespace

std::string escaped(std::string_view string) {
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

std::string describe(const ReplySpec& reply) {
  std::vector<std::string> parts;
  if (reply.success) parts.emplace_back("ok");
  for (const Condition& condition : reply.fields) parts.push_back(words_of(condition));
  if (reply.size) parts.push_back(fmt::format("size {} or more", *reply.size));
  if (reply.data) parts.push_back("data " + describe(*reply.data));
  if (reply.data_checksum) parts.emplace_back("data with a right checksum");
  for (const IdentifyWords& words : reply.identify_words) parts.push_back(words_of(words));
  if (reply.identify_texts) parts.emplace_back("texts padded");
  if (reply.identify_checksum) parts.emplace_back("checksum right");
  if (reply.string) {
    parts.push_back(reply.string->size() > 40
                        ? fmt::format("a string of {}", reply.string->size())
                        : fmt::format("string \"{}\"", escaped(*reply.string)));
  }
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
  return fmt::format("announcement{}{}{}",
                     announcement.from ? fmt::format(" from {}", *announcement.from) : "",
                     announcement.to ? fmt::format(" to {}", *announcement.to) : "",
                     fields == describe(ReplySpec{}) ? "" : ": " + fields);
}

std::string describe(const ExpectStore& store) {
  return fmt::format("lba {}, {}: {}", store.lba, quantity(store.count, "sector"),
                     describe(store.data));
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
    expect.within = parse_within(map);
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

ExpectReplies parse_replies(YamlMap map) {
  ExpectReplies replies;
  if (map.has("of")) replies.of = map.name("of");
  replies.buffers = is_word(map, "count", "buffers");
  if (!replies.buffers) {
    replies.count = static_cast<std::uint32_t>(map.number("count", 1, 0, 1'000'000));
  }
  for (const YAML::Node& item : map.items("from")) {
    const auto address = parse_address(item.Scalar());
    if (!address) map.fail(item, "from: expected addresses such as e1.1");
    replies.from.push_back(*address);
  }
  if (const auto each = map.find("each")) {
    const ExpectReply spec = parse_reply(*each, map.mark().file);
    if (spec.silence || spec.within || !spec.of.empty())
      map.fail(*each, "each: expected an answer, or a list of them");
    replies.each = spec.any;
  }
  map.finish();
  return replies;
}

ExpectAnnouncement parse_announcement(YamlMap map) {
  ExpectAnnouncement announcement;
  announcement.to = read_mac(map, "to");
  announcement.from = read_mac(map, "from");
  announcement.within = parse_within(map);
  announcement.fields = parse_fields(map);
  map.finish();
  return announcement;
}

ExpectStore parse_store(YamlMap map, const Network& network) {
  ExpectStore store{.of = parse_device(map, "of", network)};
  const std::uint64_t sectors = network.disk(store.of).sectors;
  store.lba = read_number(map, "lba", sectors - 1).value_or(0);
  store.count = static_cast<std::uint32_t>(map.number("count", 1, 1, sectors, "sectors"));
  if (store.lba + store.count > sectors) {
    map.fail(map.require("count"), fmt::format("beyond the disk's last sector, {}", sectors - 1));
  }
  store.data = read_content(map, "data");
  if (store.data.kind == Content::Kind::none) {
    map.fail(map.require("data"), "data: expected pattern, zero, or bytes");
  }
  map.finish();
  return store;
}

}  // namespace aoe::harness
