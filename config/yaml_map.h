// A YAML mapping read strictly: every key must be asked for, every value must be of its kind.
//
// An error is one line, "scenarios/x.yaml:14:5: fault: unknown key 'nht'; did you mean 'nth'?",
// thrown as a YamlError: a file is read to its end or not at all, so the reader need not go on
// after one.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/instant.h"
#include "config/mark.h"

namespace aoe {

Mark mark_at(const std::string& file, const YAML::Mark& mark);

/// The one of `known` that `word` was probably meant to be (two letters swapped count as one
/// mistake); empty when none is near.
std::string nearest(std::string_view word, const std::set<std::string>& known);

/// "KEY: expected one of WORDS, got 'GIVEN'", and the nearest of them as a hint.
std::string unknown_choice(std::string_view key, const std::string& given,
                           const std::vector<std::string>& words);

/// "250ms", "5s", "200us", "10ns", "2min"; a plain number counts seconds. A day at most.
std::optional<Duration> parse_duration(std::string_view text);
/// "64MiB", "8KiB", "512": bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// Is this letters, digits, '-', '_' and '.', so that it can name a file?
bool is_name(std::string_view text);

class YamlMap {
 public:
  /// `what` names the mapping in messages. Fails where `node` is not a mapping, or has a key twice.
  YamlMap(const YAML::Node& node, const std::string& file, std::string what);

  const Mark& mark() const { return mark_; }
  bool has(const std::string& key);
  /// The value of a key that must be there; of one that may be there.
  YAML::Node require(const std::string& key);
  std::optional<YAML::Node> find(const std::string& key);

  std::string text(const std::string& key);
  /// What a thing is called by: see is_name().
  std::string name(const std::string& key);
  std::uint64_t number(const std::string& key, std::uint64_t fallback, std::uint64_t least,
                       std::uint64_t most);
  /// What a field of a frame may hold: 31 or 0x1f, `most` at most.
  std::uint64_t code(const std::string& key, std::uint64_t most);
  double fraction(const std::string& key);
  /// true or false.
  bool boolean(const std::string& key, bool fallback);
  Duration duration(const std::string& key, Duration fallback);
  std::uint64_t size(const std::string& key, std::uint64_t fallback);
  /// The keys that are there, in the file's order, as nodes that know where they stand. Asks for
  /// none of them.
  std::vector<YAML::Node> keys() const;
  /// A string, or a list of them, as nodes that know where they stand.
  std::vector<YAML::Node> items(const std::string& key);
  std::vector<std::string> texts(const std::string& key);
  /// One of `words`, by its place among them.
  std::size_t choice(const std::string& key, const std::vector<std::string>& words);
  /// A list of them.
  std::vector<std::size_t> choices(const std::string& key, const std::vector<std::string>& words);
  YamlMap map(const std::string& key);

  /// Fails on a key that nobody asked for.
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
  std::set<std::string> asked_;
};

}  // namespace aoe
