#include "harness/language/selector.h"

#include <algorithm>
#include <vector>

#include "config/yaml_map.h"
#include "harness/language/field_reader.h"
#include "proto/layout.h"

namespace aoe::harness {
namespace {

During parse_during(YamlMap& map) {
  const YAML::Node node = map.require("during");
  if (!node.IsSequence()) return {.io = map.name("during")};
  During during;
  const auto time = [](const YAML::Node& end) {
    return end.IsScalar() ? parse_duration(end.Scalar()) : std::nullopt;
  };
  if (node.size() == 2) {
    const auto from = time(node[0]);
    const auto until = time(node[1]);
    if (from && until && *from < *until) return {*from, *until, {}};
  }
  map.fail(node, "during: expected two times such as [0s, 50ms], or the id of an io");
}

/// Is the target that sends the frame, or is to get it, at this address?
bool is_with(const Mac& mac, Direction way, Bytes frame) {
  const Field field = way == Direction::to_target ? Field::destination : Field::source;
  return layout::has(field, frame) && layout::get(field, frame) == layout::number(mac);
}

Payload parse_payload(YamlMap map) {
  map.require("at");
  Payload payload{.at = static_cast<std::uint32_t>(map.number("at", 0, 0, 65535, "bytes")),
                  .bytes = read_hex(map, "bytes", map.require("bytes"))};
  map.finish();
  return payload;
}

bool has(Bytes frame, const Payload& payload) {
  return frame.size() >= payload.at + payload.bytes.size() &&
         std::ranges::equal(frame.subspan(payload.at, payload.bytes.size()), payload.bytes);
}

bool is_ata(Traffic traffic) {
  return traffic >= Traffic::ata && traffic <= Traffic::identify;
}

}  // namespace

Range Range::parse(YamlMap& map, const std::string& key) {
  const YAML::Node node = map.require(key);
  if (node.IsScalar()) {
    const std::uint64_t number = map.number(key, 0, 0, UINT64_MAX);
    return {number, number};
  }
  Range range;
  if (node.IsSequence() && node.size() == 2 &&
      YAML::convert<std::uint64_t>::decode(node[0], range.first) &&
      YAML::convert<std::uint64_t>::decode(node[1], range.last) && range.first <= range.last) {
    return range;
  }
  map.fail(node, key + ": expected a number, or the first and the last of them: [2, 9]");
}

Match Match::parse(YamlMap map, const Network& network) {
  Match match;
  if (map.has("direction")) {
    match.direction = static_cast<Direction>(map.choice("direction", direction_words));
  }
  if (map.has("command")) {  // what is `other` can't be asked for
    const std::vector<std::string> words(traffic_words.begin() + 1, traffic_words.end());
    match.traffic = static_cast<Traffic>(map.choice("command", words) + 1);
  }
  if (map.has("lba")) match.lba = Range::parse(map, "lba");
  if (map.has("count"))
    match.sectors = static_cast<std::uint8_t>(map.number("count", 0, 0, 255, "sectors"));
  if (map.has("size")) match.size = Range::parse(map, "size");
  if (map.has("tag")) match.tag = static_cast<std::uint32_t>(map.code("tag", UINT32_MAX));
  if (map.has("mac")) {
    match.mac = parse_mac(map.text("mac"));
    if (!match.mac) {
      map.fail(map.require("mac"), "mac: expected a quoted address such as \"02:00:00:00:00:03\"");
    }
  }
  if (map.has("on")) match.on = parse_segment(map, "on", network);
  if (map.has("from")) match.from = parse_node(map, "from", network, NodeIndex{0});
  if (map.has("to")) match.to = parse_node(map, "to", network, NodeIndex{0});
  if (map.has("payload")) match.payload = parse_payload(map.map("payload"));
  map.finish();
  return match;
}

bool Match::matches(const Way& way, const Subject& subject, std::optional<std::uint32_t> its_tag,
                    Bytes frame) const {
  if (direction && *direction != way.direction) return false;
  if (on && *on != way.segment) return false;
  if (from && *from != way.from) return false;
  if (to && *to != way.to) return false;
  if (traffic && *traffic != subject.traffic &&
      !(*traffic == Traffic::ata && is_ata(subject.traffic))) {
    return false;
  }
  if ((lba || sectors) && !is_ata(subject.traffic)) return false;
  if (lba && !lba->contains(subject.lba)) return false;
  if (sectors && *sectors != subject.sectors) return false;
  if (size && !size->contains(frame.size())) return false;
  if (mac && !is_with(*mac, way.direction, frame)) return false;
  if (payload && !has(frame, *payload)) return false;
  return !tag || tag == its_tag;
}

Selector Selector::parse(YamlMap& map, const Network& network) {
  Selector selector;
  if (map.has("match")) selector.match = Match::parse(map.map("match"), network);
  if (map.has("nth")) selector.nth = map.number("nth", 1, 1, UINT64_MAX);
  if (map.has("every")) selector.every = map.number("every", 1, 1, UINT64_MAX);
  if (map.has("probability")) selector.probability = map.fraction("probability");
  if (map.has("during")) selector.during = parse_during(map);
  const int given =
      selector.nth.has_value() + selector.every.has_value() + selector.probability.has_value();
  if (given > 1) fail_at(map.mark(), "arm: at most one of nth, every and probability");
  return selector;
}

}  // namespace aoe::harness
