#include "config/yaml_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/size.h"

namespace aoe {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// A decimal number (with a fraction, perhaps) and a unit, in the unit's smallest part.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0)) return std::nullopt;  // not a number is no quantity
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto unit = std::ranges::find(units, name, &Unit::name);
  const double limit = 9e18;
  if (unit == units.end() || value * static_cast<double>(unit->factor) > limit) return std::nullopt;
  return static_cast<std::uint64_t>(value * static_cast<double>(unit->factor) + 0.5);
}

/// How many letters to insert, remove, replace or swap with the next.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;  // the rows of the two letters of `a` before this one
  std::vector<std::size_t> above(b.size() + 1);
  std::iota(above.begin(), above.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(above, std::move(row));
  }
  return above.back();
}

}  // namespace

std::string complaint_at(const Mark& mark, std::string_view message) {
  constexpr std::size_t size_max = 400;
  std::string text(message.substr(0, size_max));
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
  std::ranges::replace_if(text, is_control, '?');
  if (text.size() < message.size()) text += "...";
  return fmt::format("{}:{}:{}: {}", mark.file, mark.line, mark.column, text);
}

void fail_at(const Mark& mark, std::string_view message) {
  throw YamlError(complaint_at(mark, message));
}

Mark mark_at(const std::string& file, const YAML::Mark& mark) {
  return {file, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};  // -1: an empty file
}

std::string nearest(std::string_view word, const std::set<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(word.size() / 2, 1) + 1;
  for (const std::string& candidate : known) {
    if (const std::size_t distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::set<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? meant : fmt::format("; did you mean '{}'?", meant);
}

std::string known_instead(std::string_view word, const std::set<std::string>& known) {
  if (known.empty()) return "; there is none";
  const std::string hint = did_you_mean(word, known);
  return hint.empty() ? fmt::format("; there are {}", fmt::join(known, ", ")) : hint;
}

std::string unknown_choice(std::string_view key, const std::string& given,
                           const std::vector<std::string>& words) {
  const std::string hint = did_you_mean(given, {words.begin(), words.end()});
  std::string all = fmt::format("{}", fmt::join(words, ", "));
  constexpr std::size_t long_list = 200;  // a message may be cut: what was meant comes first
  if (all.size() > long_list && !hint.empty())
    return fmt::format("{}: got '{}'{} expected one of {}", key, given, hint, all);
  return fmt::format("{}: expected one of {}, got '{}'{}", key, all, given, hint);
}

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 6> units{{{"", 1'000'000'000},
                                              {"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"min", 60'000'000'000}}};
  constexpr std::uint64_t most = 24ULL * 60 * 60'000'000'000;  // so that no sum of times overflows
  const auto nanoseconds = parse_quantity(text, units);
  if (!nanoseconds || *nanoseconds > most) return std::nullopt;
  return Duration(static_cast<Duration::rep>(*nanoseconds));
}

bool is_name(std::string_view text) {
  const bool begins_well = !text.empty() && text.front() != '.' && text.front() != '-';
  const bool goes_on_well = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  return begins_well && goes_on_well;
}

YamlMap::YamlMap(const YAML::Node& node, const std::string& file, std::string what)
    : node_(node), file_(file), what_(std::move(what)), mark_(mark_of(node)) {
  if (!node_.IsMap()) fail(node_, "expected a mapping");
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) fail(entry.first, "a key must be a word");
    if (!values_.emplace(entry.first.Scalar(), entry.second).second) {
      fail(entry.first, fmt::format("key '{}' is there twice", entry.first.Scalar()));
    }
  }
}

Mark YamlMap::mark_of(const YAML::Node& node) const {
  return mark_at(file_, node.Mark());
}

void YamlMap::fail(const YAML::Node& node, std::string_view message) const {
  fail_at(mark_of(node), fmt::format("{}: {}", what_, message));
}

std::optional<YAML::Node> YamlMap::find(const std::string& key) {
  asked_.insert(key);
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

bool YamlMap::has(const std::string& key) {
  return find(key).has_value();
}

YAML::Node YamlMap::require(const std::string& key) {
  if (const auto value = find(key)) return *value;
  for (const auto& entry : node_) {
    const std::string& given = entry.first.Scalar();
    const std::size_t slips_max = std::max<std::size_t>(1, key.size() / 3);
    if (asked_.contains(given) || edit_distance(given, key) > slips_max) continue;
    fail(entry.first,
         fmt::format("unknown key '{}'; did you mean '{}', which is missing?", given, key));
  }
  fail(node_, fmt::format("key '{}' is missing", key));
}

std::string YamlMap::text(const std::string& key) {
  const YAML::Node value = require(key);
  if (!value.IsScalar()) fail(value, fmt::format("{}: expected a text", key));
  return value.Scalar();
}

std::string YamlMap::name(const std::string& key) {
  std::string name = text(key);
  if (is_name(name)) return name;
  fail(require(key), fmt::format("{}: expected a name of letters, digits and - _ .", key));
}

std::uint64_t YamlMap::number(const std::string& key, std::uint64_t fallback, std::uint64_t least,
                              std::uint64_t most, std::string_view unit) {
  const auto value = find(key);
  if (!value) return fallback;
  std::uint64_t number = 0;
  const std::string text = value->IsScalar() ? value->Scalar() : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < least ||
      number > most) {
    const std::string of = unit.empty() ? "" : fmt::format(" of {}", unit);
    const std::string range = most == UINT64_MAX ? fmt::format(", {} or more", least)
                                                 : fmt::format(" from {} to {}", least, most);
    fail(*value, fmt::format("{}: expected a whole number{}{}", key, of, range));
  }
  return number;
}

std::uint64_t YamlMap::code(const std::string& key, std::uint64_t most) {
  const YAML::Node value = require(key);
  std::string_view text = value.IsScalar() ? std::string_view(value.Scalar()) : "";
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (!text.empty() && error == std::errc{} && end == text.data() + text.size() && number <= most)
    return number;
  fail(value, fmt::format("{}: expected a number up to {:#x}, such as 31 or 0x1f", key, most));
}

double YamlMap::fraction(const std::string& key) {
  const YAML::Node value = require(key);
  try {
    const auto number = value.as<double>();
    if (number >= 0 && number <= 1) return number;
  } catch (const YAML::BadConversion&) {
  }
  fail(value, fmt::format("{}: expected a number from 0 to 1", key));
}

bool YamlMap::boolean(const std::string& key, bool fallback) {
  const auto value = find(key);
  if (!value) return fallback;
  const std::string text = value->IsScalar() ? value->Scalar() : "";
  if (text != "true" && text != "false") {
    fail(*value, fmt::format("{}: expected true or false", key));
  }
  return text == "true";
}

Duration YamlMap::duration(const std::string& key, Duration fallback) {
  const auto value = find(key);
  if (!value) return fallback;
  if (value->IsScalar()) {
    if (const auto duration = parse_duration(value->Scalar())) return *duration;
  }
  fail(*value,
       fmt::format("{}: expected a time such as 250ms (ns, us, ms, s, min; 24h at most)", key));
}

std::uint64_t YamlMap::size(const std::string& key, std::uint64_t fallback) {
  const auto value = find(key);
  if (!value) return fallback;
  if (value->IsScalar()) {
    if (const auto size = parse_size(value->Scalar())) return *size;
  }
  fail(*value, fmt::format("{}: expected a size such as {}", key, size_examples));
}

std::vector<YAML::Node> YamlMap::keys() const {
  std::vector<YAML::Node> keys;
  for (const auto& entry : node_) keys.push_back(entry.first);
  return keys;
}

std::vector<YAML::Node> YamlMap::items(const std::string& key) {
  const auto value = find(key);
  if (!value) return {};
  if (value->IsScalar()) return {*value};
  if (!value->IsSequence()) fail(*value, fmt::format("{}: expected a text or a list of them", key));
  std::vector<YAML::Node> items;
  for (const YAML::Node& item : *value) {
    if (!item.IsScalar()) fail(item, fmt::format("{}: expected a text", key));
    items.push_back(item);
  }
  return items;
}

std::vector<std::string> YamlMap::texts(const std::string& key) {
  std::vector<std::string> texts;
  for (const YAML::Node& item : items(key)) texts.push_back(item.Scalar());
  return texts;
}

std::size_t YamlMap::choose(const std::string& key, const YAML::Node& word,
                            const std::vector<std::string>& words) const {
  const std::string given = word.IsScalar() ? word.Scalar() : "something else";
  const auto found = std::ranges::find(words, given);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  fail(word, unknown_choice(key, given, words));
}

std::size_t YamlMap::choice(const std::string& key, const std::vector<std::string>& words) {
  return choose(key, require(key), words);
}

std::vector<std::size_t> YamlMap::choices(const std::string& key,
                                          const std::vector<std::string>& words) {
  const YAML::Node list = require(key);
  if (!list.IsSequence()) fail(list, fmt::format("{}: expected a list", key));
  std::vector<std::size_t> chosen;
  for (const YAML::Node& word : list) chosen.push_back(choose(key, word, words));
  return chosen;
}

YamlMap YamlMap::map(const std::string& key) {
  return {require(key), file_, key};
}

std::vector<YamlMap> YamlMap::maps(const std::string& key) {
  const YAML::Node list = require(key);
  if (!list.IsSequence()) fail(list, key + ": expected a list");
  std::vector<YamlMap> maps;
  for (const YAML::Node& item : list) maps.emplace_back(item, file_, key);
  return maps;
}

void YamlMap::finish() const {
  for (const auto& entry : node_) {
    const std::string key = entry.first.Scalar();
    if (asked_.contains(key)) continue;
    const std::string hint = nearest(key, asked_);
    fail(entry.first,
         fmt::format("unknown key '{}'; {}", key,
                     hint.empty() ? fmt::format("known are {}", fmt::join(asked_, ", "))
                                  : fmt::format("did you mean '{}'?", hint)));
  }
}

}  // namespace aoe
