#include "harness/language/field_reader.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aoe::harness {
namespace {

Mac mac_of(const YamlMap& map, const std::string& key, const YAML::Node& node) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  if (text == "broadcast") return Mac::broadcast();
  if (const auto mac = parse_mac(text)) return *mac;
  map.fail(node, key + ": expected a quoted address such as \"02:00:00:00:00:99\", or broadcast");
}

}  // namespace

std::string describe(const Content& content) {
  switch (content.kind) {
    case Content::Kind::none: return "none";
    case Content::Kind::pattern: return "pattern";
    case Content::Kind::zero: return "zero";
    case Content::Kind::bytes: break;
  }
  return fmt::format("{:02x}", fmt::join(content.bytes, ""));
}

std::string key_of(Field field) {
  const std::string_view name = layout::row(field).name;
  return std::string(name.substr(name.find('.') + 1));
}

std::uint64_t read_code(const YamlMap& map, const std::string& key, const YAML::Node& node,
                        layout::Words words, std::uint64_t most) {
  const std::string text = node.IsScalar() ? node.Scalar() : "something else";
  const auto word = std::ranges::find(words, text, &layout::Word::text);
  if (word != words.end()) return word->value;
  if (const auto number = layout::parse_number(text); number && *number <= most) return *number;
  std::set<std::string> known;
  for (const layout::Word& each : words) known.emplace(each.text);
  map.fail(node, fmt::format("{}: expected {}{}a number up to {}, got '{}'{}", key,
                             fmt::join(known, ", "), known.empty() ? "" : " or ", most, text,
                             did_you_mean(text, known)));
}

std::optional<std::uint64_t> read_number(YamlMap& map, const std::string& key, std::uint64_t most) {
  const auto node = map.find(key);
  return node ? std::optional(read_code(map, key, *node, {}, most)) : std::nullopt;
}

std::optional<std::uint64_t> read_field(YamlMap& map, Field field) {
  const layout::Row& row = layout::row(field);
  const std::string key = key_of(field);
  const auto node = map.find(key);
  if (!node) return std::nullopt;
  if (row.order == layout::Order::mac) return layout::number(mac_of(map, key, *node));
  if (row.style != layout::Style::bits || !node->IsSequence()) {
    return read_code(map, key, *node, row.words, row.most());
  }
  std::uint64_t bits = 0;
  for (const YAML::Node& word : *node) bits |= read_code(map, key, word, row.words, row.most());
  return bits;
}

void read_fields(YamlMap& map, layout::Message message, unsigned use,
                 const std::function<void(Field, std::uint64_t)>& found,
                 std::optional<Field> other) {
  for (const layout::Row& row : layout::rows) {
    if (row.message != message || (row.uses & use) == 0 || row.field == other) continue;
    if (const auto value = read_field(map, row.field)) found(row.field, *value);
  }
}

bool is_word(YamlMap& map, const std::string& key, std::string_view word) {
  const auto node = map.find(key);
  return node && node->IsScalar() && node->Scalar() == word;
}

std::vector<std::uint8_t> read_hex(const YamlMap& map, const std::string& key,
                                   const YAML::Node& node) {
  std::string digits = node.IsScalar() ? node.Scalar() : "";
  std::erase(digits, ' ');
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = layout::parse_number("0x" + digits.substr(i, 2));
    if (!byte) break;
    bytes.push_back(static_cast<std::uint8_t>(*byte));
  }
  if (bytes.empty() || 2 * bytes.size() != digits.size() || bytes.size() > frame_spec_size_max) {
    map.fail(node, fmt::format("{}: expected pairs of hexadecimal digits, quoted, {} at most", key,
                               frame_spec_size_max));
  }
  return bytes;
}

Content read_content(YamlMap& map, const std::string& key) {
  const YAML::Node node = map.require(key);
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  if (text == "none") return {};
  if (text == "pattern") return {.kind = Content::Kind::pattern};
  if (text == "zero") return {.kind = Content::Kind::zero};
  return {.kind = Content::Kind::bytes, .bytes = read_hex(map, key, node)};
}

std::string read_config_string(YamlMap& map) {
  if (const auto hex = map.find("hex")) {
    const auto bytes = read_hex(map, "hex", *hex);
    if (map.has("string") || map.has("size")) {
      map.fail(*hex, "hex: expected no string and no size beside it");
    }
    return {bytes.begin(), bytes.end()};
  }
  std::string string = map.has("string") ? map.text("string") : "";
  const std::uint64_t size = map.number("size", string.size(), 0, 8000, "bytes");
  while (string.size() < size) string += static_cast<char>('a' + string.size() % 26);
  string.resize(size);
  return string;
}

std::optional<Mac> read_mac(YamlMap& map, const std::string& key) {
  const auto node = map.find(key);
  return node ? std::optional(mac_of(map, key, *node)) : std::nullopt;
}

std::vector<Mac> read_macs(const YamlMap& map, const std::string& key, const YAML::Node& node) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return {mac_of(map, key, node)};
  const auto first = parse_mac(text.substr(0, dots));
  const auto last = parse_mac(text.substr(dots + 2));
  if (!first || !last || *last < *first || layout::number(*last) - layout::number(*first) > 254) {
    map.fail(node, key +
                       ": expected a range of 255 addresses at most, such as "
                       "\"02:00:00:00:01:00..02:00:00:00:01:63\"");
  }
  std::vector<Mac> list;
  for (std::uint64_t each = layout::number(*first); each <= layout::number(*last); ++each) {
    list.push_back(layout::mac(each));
  }
  return list;
}

std::vector<Mac> read_mac_list(YamlMap& map, const std::string& key) {
  std::vector<Mac> list;
  for (const YAML::Node& item : map.items(key)) {
    for (const Mac& mac : read_macs(map, key, item)) list.push_back(mac);
  }
  if (list.size() > 255) map.fail(map.require(key), key + ": expected 255 addresses at most");
  return list;
}

}  // namespace aoe::harness
