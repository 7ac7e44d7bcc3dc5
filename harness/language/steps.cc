#include "harness/language/steps.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "config/yaml_map.h"
#include "harness/language/step_ladder.h"
#include "harness/language/time_window.h"

namespace aoe::harness {
namespace {

constexpr std::array<std::string_view, 5> verbs{"read", "write", "reads and writes", "flush",
                                                "trim"};  // by IoOperation
constexpr std::uint64_t io_size_max = 256 << 20;          // bytes in memory, outstanding at once

std::uint32_t depth(YamlMap& map) {
  return static_cast<std::uint32_t>(map.number("depth", 1, 1, 65536, "requests"));
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
  if (disk > judged_sectors_max)
    fail_at(map.mark(), fmt::format("{}: expected a disk of 1GiB at most", what));
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

NodeIndex by_initiator(YamlMap& map, const StepNames& names) {
  return parse_node(map, "by", names.network, Node::Role::initiator);
}

Step::What read_discover(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  const Network& network = names.network;
  const auto address = map.has("expect") ? parse_address(map.text("expect"))
                                         : network.lun(network.first_device()).address;
  if (!address) map.fail(map.require("expect"), "expect: expected an address such as e1.1");
  return DiscoverStep{by_initiator(map, names), *address,
                      map.duration("within", std::chrono::seconds(3)), map.boolean("found", true)};
}

Step::What read_io(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  IoStep io;
  io.id = map.name("id");
  names.ios.add(map, io.id);
  io.by = by_initiator(map, names);
  io.to = parse_device(map, "to", names.network);
  const std::uint64_t sectors = names.network.disk(io.to).sectors;
  io.operation =
      static_cast<IoOperation>(map.choice("op", {"read", "write", "mixed", "flush", "trim"}));
  if (io.operation != IoOperation::flush) {
    if (map.has("lba")) io.lba = map.number("lba", 0, 0, sectors - 1);
    io.count = static_cast<std::uint32_t>(map.number("count", 8, 1, sectors, "sectors"));
    if (map.has("span")) io.span = read_span(map, io, sectors);
  }
  io.requests = requests(map, "requests", 1);
  if (map.has("requests-in-sim")) io.requests_in_sim = requests(map, "requests-in-sim", 1);
  if (io.operation != IoOperation::flush) io.depth = depth(map);
  check_size(map, "io", io, sectors);
  return io;
}

Step::What read_warmup(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  WarmupStep warmup;
  warmup.reads.id = "(warmup)";  // not a name, so no io step has it
  warmup.reads.by = by_initiator(map, names);
  warmup.reads.to = parse_device(map, "to", names.network);
  warmup.reads.requests = requests(map, "reads", 64);
  warmup.reads.depth = depth(map);
  check_size(map, "warmup", warmup.reads, names.network.disk(warmup.reads.to).sectors);
  return warmup;
}

Step::What read_arm(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  ArmStep arm{FaultSpec::parse(map, names.network)};
  if (const auto& during = arm.fault.selector.during; during && !during->io.empty()) {
    names.await_io(during->io, map.mark_of(map.require("during")));
  }
  names.faults.add(map, arm.fault.id);
  return arm;
}

Step::What read_heal(YamlMap& step, const std::string& word, StepNames& names) {
  HealStep heal{step.texts(word)};
  for (const std::string& id : heal.ids) names.faults.check(step, step.require(word), id);
  return heal;
}

Step::What read_wait(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  return WaitStep{step.duration(word, {})};
}

Step::What read_says(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  return SaysStep{parse_node(map, "by", names.network, Node::Role::target), Says::parse(map),
                  map.boolean("announce", false)};
}

Step::What read_hold(YamlMap& map, const std::string& word, StepNames& names) {
  return HoldStep{word == "open", by_initiator(map, names), parse_device(map, "to", names.network)};
}

Step::What read_power(YamlMap& step, const std::string& word, StepNames& names) {
  using What = PowerStep::What;
  const NodeIndex target = parse_node(step, word, names.network, Node::Role::target);
  const What what = word == "kill"     ? What::kill
                    : word == "start"  ? What::start
                    : word == "demote" ? What::demote
                                       : What::promote;
  return PowerStep{what, target};
}

Step::What read_send(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  SendStep send{parse_send(map, names.network)};
  names.add_frame(map, send.frame.id);
  return send;
}

Step::What read_query(YamlMap& map, const std::string& word, StepNames& names) {
  return QueryStep{parse_query(word, map, names.network)};
}

Step::What read_alive(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  AliveStep alive{by_initiator(map, names), parse_device(map, "to", names.network), {}};
  if (map.has("within")) alive.within = map.duration("within", {});
  return alive;
}

Step::What read_advertised(YamlMap& step, const std::string& word, StepNames& /*names*/) {
  return AdvertisedStep{parse_features(step, word)};
}

Step::What read_scapy(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  ScapyStep scapy;
  scapy.by = by_initiator(map, names);
  scapy.script = map.text("script");
  if (!scapy.script.starts_with('/')) {
    const std::size_t slash = names.file.rfind('/');
    if (slash != std::string::npos) scapy.script.insert(0, names.file, 0, slash + 1);
  }
  scapy.arguments = map.texts("args");
  if (map.has("expect")) scapy.success = map.choice("expect", {"fail", "ok"}) == 1;
  scapy.within = map.duration("within", scapy.within);
  return scapy;
}

Step::What read_expect(YamlMap& map, const std::string& /*word*/, StepNames& names) {
  return ExpectStep::read(map, names);
}

/// A word of the language, and how its step is read.
struct StepWord {
  std::string_view word;
  Step::What (*read)(YamlMap& map, const std::string& word, StepNames& names);
  bool has_mapping = true;  // which read() gets; else it gets the whole step
};

/// All words there are.
constexpr std::array vocabulary{
    StepWord{"discover", read_discover},
    StepWord{"warmup", read_warmup},
    StepWord{"arm", read_arm},
    StepWord{"heal", read_heal, false},
    StepWord{"io", read_io},
    StepWord{"wait", read_wait, false},
    StepWord{"expect", read_expect},
    StepWord{"says", read_says},
    StepWord{"open", read_hold},
    StepWord{"close", read_hold},
    StepWord{"send", read_send},
    StepWord{"scapy", read_scapy},
    StepWord{"alive", read_alive},
    StepWord{"advertised", read_advertised, false},
    StepWord{"identify", read_query},
    StepWord{"config", read_query},
    StepWord{"mask", read_query},
    StepWord{"reserve", read_query},
    StepWord{"ask", read_query},
    StepWord{"kill", read_power, false},
    StepWord{"start", read_power, false},
    StepWord{"promote", read_power, false},
    StepWord{"demote", read_power, false},
};

std::string names_of(const std::vector<Feature>& features) {
  std::vector<std::string_view> names;
  names.reserve(features.size());
  for (const Feature feature : features) names.push_back(text(feature));
  return fmt::format("{}", fmt::join(names, ", "));
}

struct Words {
  std::string operator()(const DiscoverStep& step) const {
    const std::string within = describe(step.within);
    return step.found ? fmt::format("discover {}, within {}", step.expect, within)
                      : fmt::format("{} does not come up for {}", step.expect, within);
  }
  std::string operator()(const IoStep& step) const {
    if (step.operation == IoOperation::flush) return fmt::format("io {}: flush", step.id);
    const std::string_view what = verbs[static_cast<std::size_t>(step.operation)];
    return fmt::format("io {}: {} {}{}", step.id,
                       step.requests > 1 ? fmt::format("{} requests, {}, {} at a time,",
                                                       step.requests, what, step.depth)
                                         : std::string(what),
                       quantity(step.count, "sector"),
                       step.lba ? fmt::format(" at lba {}", *step.lba) : " where the seed says");
  }
  std::string operator()(const WarmupStep& step) const {
    return fmt::format("warm up: {} reads, {} at a time", step.reads.requests, step.reads.depth);
  }
  std::string operator()(const ArmStep& step) const {
    return fmt::format("arm {}: {}", step.fault.id, step.fault.word());
  }
  std::string operator()(const HealStep& step) const {
    return fmt::format("heal {}", fmt::join(step.ids, ", "));
  }
  std::string operator()(const WaitStep& step) const { return "wait " + describe(step.time); }
  std::string operator()(const ExpectStep& step) const { return step.words(); }
  std::string operator()(const SaysStep& step) const {
    return fmt::format("the target says {}{}",
                       step.says.is_nothing() ? "what it said before" : step.says.in_words(),
                       step.announce ? ", and shows up" : "");
  }
  std::string operator()(const HoldStep& step) const {
    return step.open ? "open the disk" : "close the disk";
  }
  std::string operator()(const SendStep& step) const {
    const bool to_target = step.frame.direction == Direction::to_target;
    return fmt::format("send {}{}", to_target ? "" : "to the initiator ", name_of(step.frame));
  }
  std::string operator()(const QueryStep& step) const {
    return fmt::format("send {}; expect {}", name_of(step.query.request),
                       describe(step.query.reply));
  }
  std::string operator()(const AliveStep& step) const {
    return "ask until the target answers" +
           (step.within ? ", within " + describe(*step.within) : "");
  }
  std::string operator()(const AdvertisedStep& step) const {
    return "go on where IDENTIFY advertises " + names_of(step.features);
  }
  std::string operator()(const PowerStep& step) const {
    static constexpr std::array<std::string_view, 4> verbs_of{"is killed", "starts", "is promoted",
                                                              "is demoted"};  // by PowerStep::What
    return std::string(verbs_of[static_cast<std::size_t>(step.what)]);
  }
  std::string operator()(const ScapyStep& step) const {
    return fmt::format("run {}, which {}", step.script, step.success ? "succeeds" : "fails");
  }
};

struct Drawing {
  StepLadder& ladder;

  void operator()(const DiscoverStep& step) const {
    ladder.right(fmt::format("config read, {}", step.expect));
    ladder.left("config reply");
    ladder.right("IDENTIFY DEVICE");
    ladder.left("its data");
  }
  void operator()(const IoStep& step) const { ladder.right(Words{}(step)); }
  void operator()(const WarmupStep& step) const {
    ladder.right(fmt::format("{} reads", step.reads.requests));
    ladder.left("their data");
  }
  void operator()(const ArmStep& step) const {
    ladder.note(fmt::format("{} ({}) strikes", step.fault.id, step.fault.word()));
  }
  void operator()(const HealStep& step) const {
    ladder.note(fmt::format("{} healed", fmt::join(step.ids, ", ")));
  }
  void operator()(const WaitStep& step) const { ladder.note(describe(step.time) + " pass"); }
  void operator()(const ExpectStep& step) const { step.draw(ladder); }
  void operator()(const SaysStep& step) const {
    if (step.announce) {
      ladder.left(Words{}(step));
    } else {
      ladder.note(Words{}(step));
    }
  }
  void operator()(const HoldStep& step) const { ladder.note(step.open ? "opened" : "closed"); }
  void operator()(const SendStep& step) const {
    if (step.frame.direction == Direction::to_target) {
      ladder.right(name_of(step.frame));
    } else {
      ladder.left(name_of(step.frame));
    }
  }
  void operator()(const QueryStep& step) const {
    ladder.right(name_of(step.query.request));
    draw_answer(ladder, step.query.reply);
  }
  void operator()(const AliveStep&) const {
    ladder.right("config read");
    ladder.left("any answer");
  }
  void operator()(const AdvertisedStep& step) const {
    ladder.right("IDENTIFY DEVICE");
    ladder.left("has " + names_of(step.features));
  }
  void operator()(const PowerStep&) const {}  // draw() does, which knows of whom
  void operator()(const ScapyStep& step) const { ladder.note(step.script); }
};

struct PlaysInitiator {
  bool operator()(const ArmStep&) const { return false; }
  bool operator()(const HealStep&) const { return false; }
  bool operator()(const WaitStep&) const { return false; }
  bool operator()(const QueryStep&) const { return false; }
  bool operator()(const AliveStep&) const { return false; }
  bool operator()(const AdvertisedStep&) const { return false; }
  bool operator()(const PowerStep&) const { return false; }
  bool operator()(const SendStep& step) const {
    return step.frame.direction == Direction::to_initiator;
  }
  bool operator()(const ExpectStep& step) const { return step.plays_initiator(); }
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }
};

}  // namespace

Step read_step(const YAML::Node& node, StepNames& names) {
  YamlMap map(node, names.file, "step");
  if (node.size() != 1) map.fail(node, "expected one word with its arguments");
  const std::string given = map.keys().front().Scalar();
  Step step{map.mark(), given, {}, in_one_line(node[given]), WaitStep{}};
  for (const StepWord& known : vocabulary) {
    const std::string word(known.word);
    if (!map.has(word)) continue;
    if (known.has_mapping) {
      YamlMap arguments = map.map(word);
      step.what = known.read(arguments, word, names);
      if (arguments.has("by")) step.by = arguments.text("by");
      arguments.finish();
    } else {
      step.what = known.read(map, word, names);
      if (std::holds_alternative<PowerStep>(step.what)) step.by = map.text(word);
    }
  }
  map.finish();
  return step;
}

std::string words(const Step& step) {
  const std::string what = std::visit(Words{}, step.what);
  return step.by.empty() ? what : fmt::format("{}: {}", step.by, what);
}

void draw(const Step& step, StepLadder& ladder) {
  if (std::holds_alternative<PowerStep>(step.what)) return ladder.note(words(step));
  std::visit(Drawing{ladder}, step.what);
}

bool plays_initiator(const Step& step) {
  return std::visit(PlaysInitiator{}, step.what);
}

}  // namespace aoe::harness
