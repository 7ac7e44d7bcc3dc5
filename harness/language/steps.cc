#include "harness/language/steps.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "base/printable.h"
#include "config/yaml_map.h"
#include "harness/language/frame_words.h"
#include "harness/language/step_ladder.h"
#include "harness/language/time_window.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t io_size_max = 256 << 20;  // bytes in memory, outstanding at once

std::uint32_t depth(YamlMap& map) {
  return static_cast<std::uint32_t>(map.number("depth", 1, 1, 65536));
}

std::uint32_t requests(YamlMap& map, const std::string& key, std::uint64_t fallback) {
  return static_cast<std::uint32_t>(map.number(key, fallback, 1, 1'000'000));
}

/// Returns a step's arguments in one line, however many lines the file takes for them.
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

std::uint64_t read_span(YamlMap& map, const IoStep& step, std::uint64_t disk) {
  const std::uint64_t bytes = map.size("span", 0);
  const std::uint64_t sectors = bytes / sector_size;
  if (bytes % sector_size != 0 || sectors < step.count || step.lba.value_or(0) + sectors > disk) {
    map.fail(map.require("span"),
             "span: expected whole sectors, a request at least, within the disk");
  }
  return sectors;
}

/// Throws YamlError where the requests of a step don't go with a disk of so many sectors.
void check_size(const YamlMap& map, std::string_view what, const IoStep& step, std::uint64_t disk) {
  if (step.operation == IoOperation::flush) return;
  if (step.lba && !step.span && step.requests > 1) {
    fail_at(map.mark(), "io: many requests have LBAs of the seed, so a span, or no lba");
  }
  if (step.lba && *step.lba + step.count > disk) {
    fail_at(map.mark(), fmt::format("io: beyond the disk's last sector, {}", disk - 1));
  }
  const std::uint64_t blocks = disk / step.count;
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

std::string_view verb(IoOperation operation) {
  switch (operation) {
    case IoOperation::read: return "read";
    case IoOperation::write: return "write";
    case IoOperation::mixed: return "reads and writes";
    case IoOperation::flush: return "flush";
    case IoOperation::trim: return "trim";
  }
  AOE_CHECK(false && "an operation without a verb");
}

std::vector<std::string_view> names_of(const std::vector<Feature>& features) {
  std::vector<std::string_view> names;
  for (const Feature feature : features) names.push_back(text(feature));
  return names;
}

/// A word of the language, and the step that it is.
struct Word {
  std::string_view word;
  Step::What (*read)(YamlMap& step, const std::string& word, StepNames& names);
};

template <class StepType>
Step::What read_as(YamlMap& step, const std::string& word, StepNames& names) {
  return StepType::read(step, word, names);
}

/// All words there are.
constexpr std::array vocabulary{
    Word{"discover", read_as<DiscoverStep>},
    Word{"warmup", read_as<WarmupStep>},
    Word{"arm", read_as<ArmStep>},
    Word{"heal", read_as<HealStep>},
    Word{"io", read_as<IoStep>},
    Word{"wait", read_as<WaitStep>},
    Word{"expect", read_as<ExpectStep>},
    Word{"says", read_as<SaysStep>},
    Word{"open", read_as<HoldStep>},
    Word{"close", read_as<HoldStep>},
    Word{"send", read_as<SendStep>},
    Word{"scapy", read_as<ScapyStep>},
    Word{"alive", read_as<AliveStep>},
    Word{"advertised", read_as<AdvertisedStep>},
    Word{"identify", read_as<QueryStep>},
    Word{"config", read_as<QueryStep>},
    Word{"mask", read_as<QueryStep>},
    Word{"reserve", read_as<QueryStep>},
    Word{"ask", read_as<QueryStep>},
};

}  // namespace

Step Step::read(const YAML::Node& node, StepNames& names) {
  YamlMap map(node, names.file, "step");
  if (node.size() != 1) map.fail(node, "expected one word with its arguments");
  const std::string given = map.keys().front().Scalar();
  Step step{map.mark(), given, in_one_line(node[given]), WaitStep{}};
  for (const Word& known : vocabulary) {
    const std::string word(known.word);
    if (map.has(word)) step.what = known.read(map, word, names);
  }
  map.finish();
  return step;
}

std::string Step::words() const {
  return std::visit([](const auto& step) { return step.words(); }, what);
}

// discover

DiscoverStep DiscoverStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  const auto address = map.has("expect") ? parse_address(map.text("expect")) : names.device;
  if (!address) map.fail(map.require("expect"), "expect: expected an address such as e1.1");
  const DiscoverStep discover{*address, map.duration("within", std::chrono::seconds(3)),
                              map.boolean("found", true)};
  map.finish();
  return discover;
}

std::string DiscoverStep::words() const {
  if (!found) return fmt::format("{} does not come up for {}", expect, describe(within));
  return fmt::format("discover {}, within {}", expect, describe(within));
}

void DiscoverStep::draw(StepLadder& ladder) const {
  ladder.right(fmt::format("config read, {}", expect));
  ladder.left("config reply");
  ladder.right("IDENTIFY DEVICE");
  ladder.left("its data");
}

// io, warmup

IoStep IoStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  IoStep io;
  io.id = map.name("id");
  names.add_io(map, io.id);
  io.operation =
      static_cast<IoOperation>(map.choice("op", {"read", "write", "mixed", "flush", "trim"}));
  if (io.operation != IoOperation::flush) {
    if (map.has("lba")) io.lba = map.number("lba", 0, 0, names.sectors - 1);
    io.count = static_cast<std::uint32_t>(map.number("count", 8, 1, names.sectors));
    if (map.has("span")) io.span = read_span(map, io, names.sectors);
  }
  io.requests = harness::requests(map, "requests", 1);
  if (io.operation != IoOperation::flush) io.depth = harness::depth(map);
  check_size(map, "io", io, names.sectors);
  map.finish();
  return io;
}

std::string IoStep::words() const {
  if (operation == IoOperation::flush) return fmt::format("io {}: flush", id);
  std::string text = fmt::format("io {}: ", id);
  if (requests > 1) {
    text += fmt::format("{} requests, {}, {} at a time, ", requests, verb(operation), depth);
  } else {
    text += fmt::format("{} ", verb(operation));
  }
  text += quantity(count, "sector");
  return text += lba ? fmt::format(" at lba {}", *lba) : " where the seed says";
}

void IoStep::draw(StepLadder& ladder) const {
  ladder.right(words());
}

WarmupStep WarmupStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  WarmupStep warmup;
  warmup.reads.id = "(warmup)";  // not a name, so no io step has it
  warmup.reads.requests = requests(map, "reads", 64);
  warmup.reads.depth = depth(map);
  check_size(map, "warmup", warmup.reads, names.sectors);
  map.finish();
  return warmup;
}

std::string WarmupStep::words() const {
  return fmt::format("warm up: {} reads, {} at a time", reads.requests, reads.depth);
}

void WarmupStep::draw(StepLadder& ladder) const {
  ladder.right(fmt::format("{} reads", reads.requests));
  ladder.left("their data");
}

// arm, heal

ArmStep ArmStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  ArmStep arm{FaultSpec::parse(map)};
  if (const auto& during = arm.fault.selector.during; during && !during->io.empty()) {
    names.await_io(during->io, map.mark_of(map.require("during")));
  }
  names.add_fault(map, arm.fault.id);
  return arm;
}

std::string ArmStep::words() const {
  return fmt::format("arm {}: {}", fault.id, fault.word());
}

void ArmStep::draw(StepLadder& ladder) const {
  ladder.note(fmt::format("{} ({}) strikes", fault.id, fault.word()));
}

HealStep HealStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  HealStep heal{step.texts(word)};
  for (const std::string& id : heal.ids) names.check_fault(step, step.require(word), id);
  return heal;
}

std::string HealStep::words() const {
  return fmt::format("heal {}", fmt::join(ids, ", "));
}

void HealStep::draw(StepLadder& ladder) const {
  ladder.note(fmt::format("{} healed", fmt::join(ids, ", ")));
}

// wait

WaitStep WaitStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  return {step.duration(word, {})};
}

std::string WaitStep::words() const {
  return fmt::format("wait {}", describe(time));
}

void WaitStep::draw(StepLadder& ladder) const {
  ladder.note(fmt::format("{} pass", describe(time)));
}

// says, open, close

SaysStep SaysStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  YamlMap map = step.map(word);
  const SaysStep said{Says::parse(map), map.boolean("announce", false)};
  map.finish();
  return said;
}

std::string SaysStep::words() const {
  return fmt::format("the target says {}{}",
                     says.is_nothing() ? "what it said before" : says.in_words(),
                     announce ? ", and shows up" : "");
}

void SaysStep::draw(StepLadder& ladder) const {
  if (announce) {
    ladder.left(words());
  } else {
    ladder.note(words());
  }
}

HoldStep HoldStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  step.map(word).finish();
  return {word == "open"};
}

std::string HoldStep::words() const {
  return open ? "open the disk" : "close the disk";
}

void HoldStep::draw(StepLadder& ladder) const {
  ladder.note(open ? "opened" : "closed");
}

// send, identify, config, mask, reserve, ask

SendStep SendStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  SendStep send{parse_send(map)};
  names.add_frame(map, send.frame.id);
  return send;
}

std::string SendStep::words() const {
  const bool to_target = frame.direction == Direction::to_target;
  return fmt::format("send {}{}", to_target ? "" : "to the initiator ", name_of(frame));
}

void SendStep::draw(StepLadder& ladder) const {
  if (frame.direction == Direction::to_target) {
    ladder.right(name_of(frame));
  } else {
    ladder.left(name_of(frame));
  }
}

QueryStep QueryStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  YamlMap map = step.map(word);
  return {parse_query(word, map)};
}

std::string QueryStep::words() const {
  return fmt::format("send {}; expect {}", name_of(query.request), describe(query.reply));
}

void QueryStep::draw(StepLadder& ladder) const {
  ladder.right(name_of(query.request));
  draw_answer(ladder, query.reply);
}

// alive, advertised

AliveStep AliveStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  YamlMap map = step.map(word);
  AliveStep alive;
  if (map.has("within")) alive.within = map.duration("within", {});
  map.finish();
  return alive;
}

std::string AliveStep::words() const {
  return fmt::format("ask until the target answers{}",
                     within ? ", within " + describe(*within) : "");
}

void AliveStep::draw(StepLadder& ladder) const {
  ladder.right("config read");
  ladder.left("any answer");
}

AdvertisedStep AdvertisedStep::read(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  return {parse_features(step, word)};
}

std::string AdvertisedStep::words() const {
  return fmt::format("go on where IDENTIFY advertises {}", fmt::join(names_of(features), ", "));
}

void AdvertisedStep::draw(StepLadder& ladder) const {
  ladder.right("IDENTIFY DEVICE");
  ladder.left(fmt::format("has {}", fmt::join(names_of(features), ", ")));
}

// scapy

ScapyStep ScapyStep::read(YamlMap& step, const std::string& word, StepNames& names) {
  YamlMap map = step.map(word);
  ScapyStep scapy;
  scapy.script = map.text("script");
  if (!scapy.script.starts_with('/')) {
    const std::size_t slash = names.file.rfind('/');
    if (slash != std::string::npos) scapy.script.insert(0, names.file, 0, slash + 1);
  }
  scapy.arguments = map.texts("args");
  if (map.has("expect")) scapy.success = map.choice("expect", {"fail", "ok"}) == 1;
  scapy.within = map.duration("within", scapy.within);
  map.finish();
  return scapy;
}

std::string ScapyStep::words() const {
  return fmt::format("run {}, which {}", script, success ? "succeeds" : "fails");
}

void ScapyStep::draw(StepLadder& ladder) const {
  ladder.note(script);
}

}  // namespace aoe::harness
