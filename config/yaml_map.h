// YamlMap: reads a YAML mapping strictly. Unknown keys and values of the wrong kind are errors.
//
// An error is one line, "scenarios/x.yaml:14:5: fault: unknown key 'nht'; did you mean 'nth'?",
// thrown as a YamlError. Reading a file stops at the first one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/instant.h"
#include "config/mark.h"

namespace aoe {

/// The mark of the YAML parser as ours.
Mark mark_at(const std::string& file, const YAML::Mark& mark);

/// Returns the word of `known` that `word` is probably a misspelling of (two swapped letters count
/// as one mistake), or an empty string.
std::string nearest(std::string_view word, const std::set<std::string>& known);
/// Returns "; did you mean 'nth'?" for the end of a message, or an empty string.
std::string did_you_mean(std::string_view word, const std::set<std::string>& known);
/// Returns "; did you mean 'nth'?", or else all that are known: "; there are a, b"; "; there is none".
std::string known_instead(std::string_view word, const std::set<std::string>& known);

/// Returns "KEY: expected one of WORDS, got 'GIVEN'", and the nearest word as a hint.
std::string unknown_choice(std::string_view key, const std::string& given,
                           const std::vector<std::string>& words);

/// Parses "250ms", "5s", "200us", "10ns", "2min"; a plain number is in seconds. At most a day.
std::optional<Duration> parse_duration(std::string_view text);

/// Returns whether the text consists of letters, digits, '-', '_' and '.', so that it can be a file
/// name.
bool is_name(std::string_view text);

class YamlMap {
 public:
  /// `what` names the mapping in messages. Fails where `node` is not a mapping, or has a key twice.
  YamlMap(const YAML::Node& node, const std::string& file, std::string what);

  const Mark& mark() const { return mark_; }
  /// Returns whether the key is present. All functions with a `key` mark it as known (see
  /// finish()).
  bool has(const std::string& key);
  /// Returns the value of a key. Fails if it is missing; where a key that nobody has asked for is
  /// almost the same, by that one's name.
  YAML::Node require(const std::string& key);
  /// Returns the value of an optional key.
  std::optional<YAML::Node> find(const std::string& key);

  /// Returns the string of a required key.
  std::string text(const std::string& key);
  /// Returns the string of a required key. Fails if it is no name (see is_name()).
  std::string name(const std::string& key);
  /// Returns a number from `least` to `most`, `fallback` if the key is missing. `unit` is for the
  /// message: "bytes".
  std::uint64_t number(const std::string& key, std::uint64_t fallback, std::uint64_t least,
                       std::uint64_t most, std::string_view unit = {});
  /// Returns the value of a frame field, written as 31 or 0x1f; at most `most`.
  std::uint64_t code(const std::string& key, std::uint64_t most);
  /// Returns a number from 0 to 1.
  double fraction(const std::string& key);
  /// Returns true or false, `fallback` if the key is missing.
  bool boolean(const std::string& key, bool fallback);
  Duration duration(const std::string& key, Duration fallback);
  std::uint64_t size(const std::string& key, std::uint64_t fallback);
  /// Returns the keys that are present, in the file's order, as nodes with their place. Does not
  /// mark them as known.
  std::vector<YAML::Node> keys() const;
  /// Returns a string, or a list of strings, as nodes with their place.
  std::vector<YAML::Node> items(const std::string& key);
  std::vector<std::string> texts(const std::string& key);
  /// Returns the index in `words` of the value.
  std::size_t choice(const std::string& key, const std::vector<std::string>& words);
  /// Returns the indexes in `words` of a list of values.
  std::vector<std::size_t> choices(const std::string& key, const std::vector<std::string>& words);
  YamlMap map(const std::string& key);
  /// Returns the mappings of a list.
  std::vector<YamlMap> maps(const std::string& key);

  /// Fails if the mapping has a key that no call above has named.
  void finish() const;

  Mark mark_of(const YAML::Node& node) const;
  [[noreturn]] void fail(const YAML::Node& node, std::string_view message) const;

 private:
  std::size_t choose(const std::string& key, const YAML::Node& word,
                     const std::vector<std::string>& words) const;

  const YAML::Node node_;
  const std::string file_;
  const std::string what_;
  Mark mark_;
  std::map<std::string, YAML::Node> values_;  // by key: the parser's own look-up is a slow one
  std::set<std::string> asked_;
};

}  // namespace aoe
