#include "harness/link/schedule.h"

#include <fmt/format.h>
#include <boost/algorithm/string/replace.hpp>

#include "config/yaml_file.h"

namespace aoe::harness {
namespace {

const std::vector<std::string> deed_words{"drop", "change", "arrive"};

std::string ordinal(std::uint64_t n) {
  const bool teen = n % 100 / 10 == 1;
  const char* ending = "th";
  if (!teen && n % 10 == 1) ending = "st";
  if (!teen && n % 10 == 2) ending = "nd";
  if (!teen && n % 10 == 3) ending = "rd";
  return fmt::format("{}{}", n, ending);
}

/// Indented below "scenario: |".
std::string indented(const std::string& text) {
  std::string lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines += "  " + text.substr(begin, end - begin);
    lines += '\n';
    begin = end + 1;
  }
  return lines;
}

std::string line_of(const Decision& decision) {
  const auto& [direction, subject, nth, from, to] = decision.key;
  const Deed& deed = decision.deed;
  std::string line = fmt::format(
      "- {{fault: {}, frame: {}, direction: {}, command: {}, shelf: {}, slot: {}, lba: {}, count: "
      "{}, nth: {}, do: {}",
      decision.fault, decision.frame, text(direction), text(subject.traffic), subject.address.shelf,
      subject.address.slot, subject.lba, subject.sectors, nth,
      deed_words[deed.dropped   ? 0
                 : deed.changed ? 1
                                : 2]);
  if (from != to) line += fmt::format(", from: {}, to: {}", from, to);
  if (deed.copies > 0) line += fmt::format(", copies: {}", deed.copies);
  if (deed.spread > Duration{}) line += fmt::format(", spread: {}ns", deed.spread.count());
  if (deed.delay > Duration{}) line += fmt::format(", delay: {}ns", deed.delay.count());
  return line + "}\n";
}

template <class Number>
Number number_of(YamlMap& map, const std::string& key) {
  map.require(key);
  return static_cast<Number>(map.number(key, 0, 0, std::numeric_limits<Number>::max()));
}

Decision parse_decision(YamlMap map) {
  Decision decision;
  decision.fault = map.name("fault");
  decision.frame = number_of<std::uint64_t>(map, "frame");
  FrameKey& key = decision.key;
  key.direction = static_cast<Direction>(map.choice("direction", direction_words));
  key.subject.traffic = static_cast<Traffic>(map.choice("command", traffic_words));
  key.subject.address = {number_of<std::uint16_t>(map, "shelf"),
                         number_of<std::uint8_t>(map, "slot")};
  key.subject.lba = number_of<std::uint64_t>(map, "lba");
  key.subject.sectors = number_of<std::uint8_t>(map, "count");
  key.nth = number_of<std::uint64_t>(map, "nth");
  key.from = static_cast<NodeIndex>(map.number("from", 0, 0, UINT16_MAX));
  key.to = static_cast<NodeIndex>(map.number("to", 0, 0, UINT16_MAX));
  Deed& deed = decision.deed;
  const std::size_t word = map.choice("do", deed_words);
  deed.dropped = word == 0;
  deed.changed = word == 1;
  deed.copies = static_cast<std::uint32_t>(map.number("copies", 0, 0, 10'000));
  deed.spread = map.duration("spread", {});
  deed.delay = map.duration("delay", {});
  map.finish();
  return decision;
}

Schedule parse(const YAML::Node& root, const std::string& file) {
  YamlMap map(root, file, "schedule");
  Schedule schedule;
  schedule.seed = number_of<std::uint64_t>(map, "seed");
  schedule.world = map.name("world");
  schedule.sut = map.text("sut");
  if (map.has("peer")) schedule.peer = map.text("peer");
  if (map.has("failure")) schedule.failure = map.text("failure");
  schedule.scenario = map.text("scenario");
  const YAML::Node decisions = map.require("decisions");
  if (!decisions.IsSequence()) map.fail(decisions, "decisions: expected a list of them");
  if (decisions.size() > decisions_max) map.fail(decisions, "decisions: too many");
  for (const YAML::Node& decision : decisions) {
    schedule.decisions.push_back(parse_decision({decision, file, "decision"}));
  }
  map.finish();
  return schedule;
}

}  // namespace

std::string describe(const Decision& decision) {
  const auto& [direction, subject, nth, from, to] = decision.key;
  const Deed& deed = decision.deed;
  std::string what = deed.dropped ? "drop" : deed.changed ? "change" : "";
  const auto also = [&](const std::string& more) { what += (what.empty() ? "" : ", ") + more; };
  if (deed.copies > 0) also(deed.copies == 1 ? "copy" : fmt::format("{} copies", deed.copies));
  if (deed.delay > Duration{}) {
    also(fmt::format("delay by {} us", static_cast<double>(deed.delay.count()) / 1000));
  }
  return fmt::format("{} of the {} {} {} {} lba {}+{} (fault {})", what, ordinal(nth),
                     text(subject.traffic), text(direction), subject.address, subject.lba,
                     subject.sectors, decision.fault);
}

std::string to_yaml(const Schedule& schedule) {
  std::string yaml = fmt::format(
      "# What the faults of this run decided. Do it again: aoe-harness replay FILE\n"
      "seed: {}\nworld: {}\nsut: '{}'\n",
      schedule.seed, schedule.world, boost::replace_all_copy(schedule.sut, "'", "''"));
  if (!schedule.peer.empty())
    yaml += fmt::format("peer: '{}'\n", boost::replace_all_copy(schedule.peer, "'", "''"));
  if (!schedule.failure.empty()) yaml += fmt::format("failure: {}\n", schedule.failure);
  yaml += "scenario: |2\n" + indented(schedule.scenario);
  yaml += schedule.decisions.empty() ? "decisions: []\n" : "decisions:\n";
  for (const Decision& decision : schedule.decisions) yaml += line_of(decision);
  return yaml;
}

tl::expected<Schedule, std::string> parse_schedule(const std::string& text,
                                                   const std::string& name) {
  return read_yaml(text, name, [&](const YAML::Node& root) { return parse(root, name); });
}

tl::expected<Schedule, std::string> load_schedule(const std::string& path) {
  const auto text = file_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse_schedule(*text, path);
}

}  // namespace aoe::harness
