#include "harness/language/step_reader.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t io_size_max = 256 << 20;  // bytes in memory, outstanding at once

TimeWindow window(YamlMap& map, const std::string& key) {
  const YAML::Node node = map.require(key);
  return TimeWindow::parse(node, map.mark_of(node));
}

std::uint32_t depth(YamlMap& map) {
  return static_cast<std::uint32_t>(map.number("depth", 1, 1, 65536));
}

std::uint32_t requests(YamlMap& map, const std::string& key, std::uint64_t fallback) {
  return static_cast<std::uint32_t>(map.number(key, fallback, 1, 1'000'000));
}

/// What a step is told, however many lines the file takes to say it.
std::string in_one_line(const YAML::Node& node) {
  YAML::Node copy = YAML::Clone(node);
  const std::function<void(YAML::Node)> flow = [&flow](YAML::Node part) {
    if (part.IsMap() || part.IsSequence()) part.SetStyle(YAML::EmitterStyle::Flow);
    for (const auto& item : part) {
      flow(part.IsMap() ? item.second : YAML::Node(item));
    }
  };
  flow(copy);
  YAML::Emitter line;
  line << copy;
  return line.c_str();
}

void check_known(const YamlMap& map, const YAML::Node& node, const std::string& id,
                 const std::set<std::string>& known, std::string_view what) {
  if (known.contains(id)) return;
  const std::string hint = nearest(id, known);
  map.fail(node, fmt::format("no {} '{}' before this step{}", what, id,
                             hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
}

}  // namespace

Step StepReader::read(const YAML::Node& node) {
  YamlMap map(node, file_, "step");
  if (node.size() != 1) map.fail(node, "expected one word with its arguments");
  const YAML::Node word = map.keys().front();
  Step step{map.mark(), word.Scalar(), in_one_line(node[word.Scalar()]), WaitStep{}};
  if (map.has("discover")) {
    step.what = discover(map.map("discover"));
  } else if (map.has("warmup")) {
    step.what = warmup(map.map("warmup"));
  } else if (map.has("arm")) {
    step.what = arm(map.map("arm"));
  } else if (map.has("heal")) {
    step.what = heal(map);
  } else if (map.has("io")) {
    step.what = io(map.map("io"));
  } else if (map.has("wait")) {
    step.what = WaitStep{map.duration("wait", {})};
  } else if (map.has("expect")) {
    step.what = expect(map.map("expect"));
  } else if (map.has("says")) {
    YamlMap says = map.map("says");
    step.what = SaysStep{Says::parse(says), says.boolean("announce", false)};
    says.finish();
  } else if (map.has("open") || map.has("close")) {
    step.what = HoldStep{step.word == "open"};
    map.map(step.word).finish();
  } else if (map.has("send")) {
    step.what = send(map.map("send"));
  } else if (map.has("scapy")) {
    step.what = scapy(map.map("scapy"));
  } else if (map.has("alive")) {
    step.what = alive(map.map("alive"));
  } else if (map.has("advertised")) {
    step.what = AdvertisedStep{parse_features(map, "advertised")};
  } else {
    for (const char* word : {"identify", "config", "mask", "reserve", "ask"}) {
      if (!map.has(word)) continue;
      YamlMap query = map.map(word);
      step.what = QueryStep{parse_query(word, query)};
    }
  }
  map.finish();
  return step;
}

void StepReader::finish() const {
  for (const auto& [io, mark] : awaited_ios_) {
    if (ios_.contains(io)) continue;
    const std::string hint = nearest(io, ios_);
    fail_at(mark, fmt::format("during: no io '{}' in this scenario{}", io,
                              hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }
}

DiscoverStep StepReader::discover(YamlMap map) {
  const auto address = map.has("expect") ? parse_address(map.text("expect")) : target_.address;
  if (!address) map.fail(map.require("expect"), "expect: expected an address such as e1.1");
  const DiscoverStep step{*address, map.duration("within", std::chrono::seconds(3)),
                          map.boolean("found", true)};
  map.finish();
  return step;
}

WarmupStep StepReader::warmup(YamlMap map) const {
  WarmupStep step;
  step.reads.id = "(warmup)";  // not a name, so no io step has it
  step.reads.requests = requests(map, "reads", 64);
  step.reads.depth = depth(map);
  check_size(map, "warmup", step.reads);
  map.finish();
  return step;
}

ArmStep StepReader::arm(YamlMap map) {
  ArmStep step{FaultSpec::parse(map)};
  if (const auto& during = step.fault.selector.during; during && !during->io.empty()) {
    awaited_ios_.emplace_back(during->io, map.mark_of(map.require("during")));
  }
  if (!faults_.insert(step.fault.id).second) map.fail(map.require("id"), "this id is taken");
  return step;
}

HealStep StepReader::heal(YamlMap& map) const {
  HealStep step{map.texts("heal")};
  for (const std::string& id : step.ids)
    check_known(map, map.require("heal"), id, faults_, "fault");
  return step;
}

IoStep StepReader::io(YamlMap map) {
  IoStep step;
  step.id = map.name("id");
  if (!ios_.insert(step.id).second) map.fail(map.require("id"), "this id is taken");
  step.operation =
      static_cast<IoOperation>(map.choice("op", {"read", "write", "mixed", "flush", "trim"}));
  if (step.operation != IoOperation::flush) {
    if (map.has("lba")) step.lba = map.number("lba", 0, 0, target_.sectors - 1);
    step.count = static_cast<std::uint32_t>(map.number("count", 8, 1, target_.sectors));
    if (map.has("span")) step.span = span(map, step);
  }
  step.requests = requests(map, "requests", 1);
  if (step.operation != IoOperation::flush) step.depth = depth(map);
  check_size(map, "io", step);
  map.finish();
  return step;
}

std::uint64_t StepReader::span(YamlMap& map, const IoStep& step) const {
  const std::uint64_t bytes = map.size("span", 0);
  const std::uint64_t sectors = bytes / sector_size;
  if (bytes % sector_size != 0 || sectors < step.count ||
      step.lba.value_or(0) + sectors > target_.sectors) {
    map.fail(map.require("span"),
             "span: expected whole sectors, a request at least, within the disk");
  }
  return sectors;
}

SendStep StepReader::send(YamlMap map) {
  SendStep step{parse_send(map)};
  if (!step.frame.id.empty() && !frames_.insert(step.frame.id).second) {
    map.fail(map.require("id"), "this id is taken");
  }
  sent_ = true;
  return step;
}

AliveStep StepReader::alive(YamlMap map) const {
  AliveStep step;
  if (map.has("within")) step.within = map.duration("within", {});
  map.finish();
  return step;
}

ScapyStep StepReader::scapy(YamlMap map) const {
  ScapyStep step;
  step.script = map.text("script");
  if (!step.script.starts_with('/')) {
    const std::size_t slash = file_.rfind('/');
    if (slash != std::string::npos) step.script.insert(0, file_, 0, slash + 1);
  }
  step.arguments = map.texts("args");
  if (map.has("expect")) step.success = map.choice("expect", {"fail", "ok"}) == 1;
  step.within = map.duration("within", step.within);
  map.finish();
  return step;
}

ExpectStep StepReader::expect(YamlMap map) {
  ExpectStep step;
  if (map.has("io")) step.io = expect_io(map.map("io"));
  if (map.has("device")) {
    const bool up = map.choice("device", {"down", "up"}) == 1;
    step.device = {up, window(map, "within")};
  }
  if (map.has("retransmit")) step.retransmit = expect_retransmit(map.map("retransmit"));
  if (map.has("outstanding")) step.outstanding = expect_outstanding(map.map("outstanding"));
  if (map.has("hits")) step.hits = expect_hits(map.map("hits"));
  if (const auto reply = map.find("reply")) {
    step.reply = parse_reply(*reply, file_);
    check_sent(map, *reply, step.reply->of);
  }
  if (map.has("replies")) {
    YamlMap replies = map.map("replies");
    step.replies = parse_replies(replies);
    check_sent(map, map.require("replies"), step.replies->of);
  }
  if (map.has("announcement")) {
    YamlMap announcement = map.map("announcement");
    step.announcement = parse_announcement(announcement);
  }
  if (map.has("store")) {
    YamlMap store = map.map("store");
    step.store = parse_store(store, target_.sectors);
  }
  map.finish();
  if (!step.io && !step.device && !step.retransmit && !step.outstanding && !step.hits &&
      !step.reply && !step.replies && !step.announcement && !step.store) {
    fail_at(map.mark(),
            "expect: expected something: io, device, retransmit, outstanding, hits, reply, "
            "replies, announcement or store");
  }
  return step;
}

ExpectIo StepReader::expect_io(YamlMap map) {
  ExpectIo io;
  io.id = map.text("id");
  check_known(map, map.require("id"), io.id, ios_, "io");
  if (map.has("result"))
    io.result = static_cast<IoResult>(map.choice("result", {"error", "ok", "any"}));
  if (map.has("within")) io.within = map.duration("within", {});
  map.finish();
  return io;
}

ExpectRetransmit StepReader::expect_retransmit(YamlMap map) const {
  ExpectRetransmit retransmit{map.text("of"), window(map, "within")};
  check_known(map, map.require("of"), retransmit.fault, faults_, "fault");
  map.finish();
  return retransmit;
}

ExpectOutstanding StepReader::expect_outstanding(YamlMap map) const {
  map.require("max");
  ExpectOutstanding outstanding{map.number("max", 0, 0, 65535), happening(map, "from"),
                                happening(map, "until")};
  map.finish();
  return outstanding;
}

std::optional<Happening> StepReader::happening(YamlMap& map, const std::string& key) const {
  if (!map.has(key)) return std::nullopt;
  const std::string text = map.text(key);
  const YAML::Node node = map.require(key);
  static const std::map<std::string, Happening::Kind> kinds{
      {"io", Happening::Kind::io},
      {"reply", Happening::Kind::reply},
      {"retransmit", Happening::Kind::retransmit}};
  const std::size_t parenthesis = text.find('(');
  const std::string word = text.substr(0, parenthesis);
  if (parenthesis == std::string::npos || !text.ends_with(')') || !kinds.contains(word)) {
    std::set<std::string> words;
    for (const auto& [known, kind] : kinds) words.insert(known);
    const std::string hint = kinds.contains(word) ? std::string() : nearest(word, words);
    map.fail(node,
             fmt::format("{}: expected retransmit(FAULT), reply(FAULT) or io(ID), got "
                         "'{}'{}",
                         key, text, hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }
  Happening happening{kinds.at(word), text.substr(parenthesis + 1)};
  happening.of.pop_back();
  const bool is_io = happening.kind == Happening::Kind::io;
  check_known(map, node, happening.of, is_io ? ios_ : faults_, is_io ? "io" : "fault");
  return happening;
}

ExpectHits StepReader::expect_hits(YamlMap map) const {
  ExpectHits hits;
  hits.fault = map.text("of");
  const bool has_most = map.has("max");
  hits.most = map.number("max", UINT64_MAX, 0, UINT64_MAX);
  hits.least = map.number("min", has_most ? 0 : 1, has_most ? 0 : 1, UINT64_MAX);
  if (hits.least > hits.most) map.fail(map.require("max"), "max: expected no less than min");
  if (map.has("within")) hits.within = map.duration("within", {});
  check_known(map, map.require("of"), hits.fault, faults_, "fault");
  map.finish();
  return hits;
}

void StepReader::check_sent(const YamlMap& map, const YAML::Node& node,
                            const std::string& id) const {
  if (!id.empty()) {
    check_known(map, node, id, frames_, "frame");
  } else if (!sent_) {
    map.fail(node, "no frame was sent before this step");
  }
}

void StepReader::check_size(const YamlMap& map, std::string_view what, const IoStep& step) const {
  if (step.operation == IoOperation::flush) return;
  if (step.lba && !step.span && step.requests > 1) {
    fail_at(map.mark(), "io: many requests have LBAs of the seed, so a span, or no lba");
  }
  if (step.lba && *step.lba + step.count > target_.sectors) {
    fail_at(map.mark(), fmt::format("io: beyond the disk's last sector, {}", target_.sectors - 1));
  }
  const std::uint64_t blocks = target_.sectors / step.count;
  if (!step.span && step.requests > blocks) {
    fail_at(map.mark(), fmt::format("{}: at most {} requests of {} sectors, each block once, or "
                                    "any number in a span",
                                    what, blocks, step.count));
  }
  const std::uint64_t at_once = std::min(step.depth, step.requests);
  if (at_once * step.count * sector_size > io_size_max) {
    fail_at(map.mark(), fmt::format("{}: at most 256MiB at once", what));
  }
}

}  // namespace aoe::harness
