// Fields of frames as YAML spells them: words, numbers, addresses and bytes, by the table of the
// wire (proto/layout.h).
//
// Everything here fails with a YamlError that names the key, what was expected and the nearest
// word.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_map.h"
#include "proto/address.h"
#include "proto/layout.h"

namespace aoe::harness {

/// What the largest link carries: bytes.
inline constexpr std::size_t frame_spec_size_max = 9014;

/// Sector data: none, what the disk holds at first, zeros, or bytes that are repeated to fill it.
struct Content {
  enum class Kind : std::uint8_t { none, pattern, zero, bytes };
  Kind kind = Kind::none;
  std::vector<std::uint8_t> bytes{};
};
/// "pattern", "a5ff".
std::string describe(const Content& content);

/// The field's key in the mapping of its message: its name, behind the dot if it has one.
std::string key_of(Field field);

/// The number of a word, or a number up to `most`.
std::uint64_t read_code(const YamlMap& map, const std::string& key, const YAML::Node& node,
                        layout::Words words, std::uint64_t most);
/// A number up to `most`; nullopt: the mapping does not have the key.
std::optional<std::uint64_t> read_number(YamlMap& map, const std::string& key, std::uint64_t most);
/// The field's value; nullopt: the mapping does not have its key.
std::optional<std::uint64_t> read_field(YamlMap& map, Field field);
/// Calls `found` for each of the message's fields that the table allows for this use and that the
/// mapping has, but not for `other`, which somebody else has read.
void read_fields(YamlMap& map, layout::Message message, unsigned use,
                 const std::function<void(Field, std::uint64_t)>& found,
                 std::optional<Field> other = std::nullopt);
/// Is the key's value this word? Else somebody else reads it.
bool is_word(YamlMap& map, const std::string& key, std::string_view word);

/// "88 a2ff": whole bytes, as many as a frame holds.
std::vector<std::uint8_t> read_hex(const YamlMap& map, const std::string& key,
                                   const YAML::Node& node);
/// Precondition: the mapping has the key.
Content read_content(YamlMap& map, const std::string& key);
/// The string of a config query: `string`, or letters of a `size`, or bytes (`hex`).
std::string read_config_string(YamlMap& map);
std::optional<Mac> read_mac(YamlMap& map, const std::string& key);
/// An address, or all "from..to" of them.
std::vector<Mac> read_macs(const YamlMap& map, const std::string& key, const YAML::Node& node);
/// Addresses and ranges, 255 addresses at most.
std::vector<Mac> read_mac_list(YamlMap& map, const std::string& key);

}  // namespace aoe::harness
