#include "harness/language/says.h"

#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "config/yaml_map.h"
#include "proto/ata.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

template <class Value>
void replace(std::optional<Value>& value, const std::optional<Value>& by) {
  if (by) value = by;
}

void parse_words(YamlMap& map, Says& says) {
  YamlMap words = map.map("words");
  for (const YAML::Node& key : words.keys()) {
    const std::string& text = key.Scalar();
    std::uint8_t word = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word);
    if (error != std::errc{} || end != text.data() + text.size())
      words.fail(key, "words: expected the number of a word, 0 to 255");
    says.words[word] = static_cast<std::uint16_t>(words.code(text, UINT16_MAX));
  }
  words.finish();
}

}  // namespace

Says Says::parse(YamlMap& map) {
  Says says;
  if (map.has("buffers"))
    says.buffers = static_cast<std::uint16_t>(map.number("buffers", 0, 0, UINT16_MAX));
  if (map.has("sectors"))
    says.sectors = static_cast<std::uint8_t>(map.number("sectors", 0, 0, UINT8_MAX));
  if (map.has("size")) {
    const std::uint64_t bytes = map.size("size", 0);
    says.size = bytes / sector_size;
    if (bytes % sector_size != 0 || *says.size > ata::lba48_sectors_max)
      map.fail(map.require("size"), "size: expected whole sectors, 2^48 at most");
  }
  if (map.has("lba48")) says.lba48 = map.boolean("lba48", true);
  if (map.has("identify")) {
    YamlMap identify = map.map("identify");
    if (identify.has("checksum"))
      says.checksum =
          static_cast<Checksum>(identify.choice("checksum", {"right", "wrong", "none"}));
    if (identify.has("words")) parse_words(identify, says);
    identify.finish();
  }
  return says;
}

void Says::add(const Says& later) {
  replace(buffers, later.buffers);
  replace(sectors, later.sectors);
  replace(size, later.size);
  replace(lba48, later.lba48);
  replace(checksum, later.checksum);
  for (const auto& [word, value] : later.words) words[word] = value;
}

std::string Says::in_words() const {
  std::vector<std::string> parts;
  if (buffers) parts.push_back(fmt::format("buffers {}", *buffers));
  if (sectors) parts.push_back(fmt::format("sectors {}", *sectors));
  if (size) parts.push_back(fmt::format("a size of {}", quantity(*size, "sector")));
  if (lba48) parts.push_back(*lba48 ? "LBA48" : "no LBA48");
  if (checksum) {
    parts.push_back(*checksum == Checksum::right   ? "a right checksum"
                    : *checksum == Checksum::wrong ? "a wrong checksum"
                                                   : "no checksum");
  }
  for (const auto& [word, value] : words)
    parts.push_back(fmt::format("word {} {:04x}", word, value));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace aoe::harness
