#include "harness/judge/expectations.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "config/yaml_file.h"

namespace aoe::harness {

bool matches(std::string_view pattern, std::string_view id) {
  // After a mismatch the last * takes one character more, so that no pattern takes long.
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t i = 0;
  while (i < id.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = i;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == id[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

std::vector<unsigned> version_in(std::string_view text) {
  std::vector<unsigned> version;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  // A digit within a word is not a version: "e2fsprogs 1.47". After a "v" it is: "v25".
  const auto* at = text.begin();
  for (char before = ' '; at != text.end(); before = *at++) {
    if (digit(*at) && !digit(before) && (!letter(before) || before == 'v')) break;
  }
  while (at != text.end() && digit(*at)) {
    unsigned part = 0;
    const auto [end, error] = std::from_chars(at, text.end(), part);
    if (error != std::errc{}) return {};
    version.push_back(part);
    at = end != text.end() && *end == '.' ? end + 1 : text.end();
  }
  return version;
}

namespace {

using Entry = Expectations::Entry;

void read_versions(YamlMap& map, Entry& entry) {
  const std::vector<YAML::Node> items = map.items("versions");
  const YAML::Node whole = map.require("versions");
  if (items.empty() || items.size() > 2)
    map.fail(whole, "versions: expected one, or the first and the last");
  const auto version = [&](const YAML::Node& item) {
    auto parts = version_in(item.as<std::string>());
    if (parts.empty()) map.fail(item, "versions: expected a version such as \"25\" or \"1.2\"");
    return parts;
  };
  entry.least = version(items.front());
  entry.most = version(items.back());
  if (entry.most < entry.least) map.fail(whole, "versions: the last comes before the first");
}

Entry read_entry(YamlMap map) {
  Entry entry;
  entry.where = fmt::format("{}:{}", map.mark().file, map.mark().line);
  entry.pattern = map.text("case");
  entry.reason = map.text("reason");
  if (map.has("link")) entry.link = map.text("link");
  if (map.has("world")) entry.world = map.text("world");
  if (map.has("failure")) entry.failures = map.texts("failure");
  if (map.has("versions")) read_versions(map, entry);
  map.finish();
  return entry;
}

std::vector<Entry> read_entries(const YAML::Node& root, const std::string& file) {
  YamlMap map(root, file, "expectations");
  const YAML::Node list = map.require("expected-failures");
  if (!list.IsSequence()) map.fail(list, "expected-failures: expected a list");
  std::vector<Entry> entries;
  for (const YAML::Node& node : list) {
    entries.push_back(read_entry({node, file, "expected failure"}));
  }
  map.finish();
  return entries;
}

bool applies(const Entry& entry, const RunRecord& run, const CaseRecord& record) {
  if (!matches(entry.pattern, record.id)) return false;
  if (!entry.world.empty() && entry.world != run.world.substr(0, run.world.find(' '))) return false;
  if (entry.least.empty()) return true;
  auto version = version_in(run.sut_version);
  if (version.empty() || version < entry.least) return false;
  version.resize(std::min(version.size(), entry.most.size()));  // 25.1 is a 25
  return version <= entry.most;
}

/// Is each failure of the case one that the entry says?
bool fails_as_known(const Entry& entry, const CaseRecord& record) {
  return entry.failures.empty() ||
         std::ranges::all_of(record.failures, [&](const FailureRecord& failure) {
           const std::string said = fmt::format("{}: {}", failure.rule, failure.actual);
           return std::ranges::any_of(
               entry.failures, [&](const std::string& known) { return matches(known, said); });
         });
}

}  // namespace

tl::expected<Expectations, std::string> Expectations::load(const std::string& path) {
  const auto text = file_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse(*text, path);
}

tl::expected<Expectations, std::string> Expectations::parse(const std::string& text,
                                                            const std::string& file) {
  return read_yaml(text, file,
                   [&](const YAML::Node& root) { return Expectations(read_entries(root, file)); });
}

void Expectations::apply(const RunRecord& run, CaseRecord& record) {
  const auto entry = std::ranges::find_if(
      entries_, [&](const Entry& candidate) { return applies(candidate, run, record); });
  if (entry == entries_.end()) return;
  entry->used = true;
  if (record.outcome == Outcome::failed) {
    if (!fails_as_known(*entry, record)) {
      record.reason = fmt::format("it is known to fail, but not so ({})", entry->where);
      return;
    }
    record.outcome = Outcome::expected_failure;
  } else if (record.outcome == Outcome::passed) {
    record.outcome = Outcome::unexpected_pass;
  } else {
    return;
  }
  record.reason = entry->reason;
  if (!entry->link.empty()) record.reason += fmt::format(" ({})", entry->link);
}

std::string Expectations::reason_of(std::string_view id) const {
  const auto is_about_it = [&](const Entry& entry) { return matches(entry.pattern, id); };
  const auto entry = std::ranges::find_if(entries_, is_about_it);
  return entry == entries_.end() ? std::string() : entry->reason;
}

std::vector<std::string> Expectations::unused() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    if (!entry.used)
      lines.push_back(fmt::format("{}: no case that was run is '{}'", entry.where, entry.pattern));
  }
  return lines;
}

}  // namespace aoe::harness
