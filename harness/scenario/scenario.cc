#include "harness/scenario/scenario.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "config/yaml_file.h"
#include "proto/check.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

// What a run holds in memory, in bytes.
constexpr std::uint64_t disk_size_max = 1 << 30;
constexpr std::uint64_t io_size_max = 256 << 20;  // outstanding at once

const std::vector<std::string> check_names{"data-integrity", "no-unasked-reply",
                                           "tag-unique-in-flight", "window-respected",
                                           "no-early-retransmit"};

Address parse_address_at(YamlMap& map, const std::string& key) {
  const auto address = parse_address(map.text(key));
  if (!address) map.fail(map.require(key), key + ": expected an address such as e1.1");
  return *address;
}

TargetRole parse_target(YamlMap map) {
  TargetRole role;
  role.address.shelf =
      static_cast<std::uint16_t>(map.number("shelf", 1, 0, Address::any_shelf - 1));
  role.address.slot = static_cast<std::uint8_t>(map.number("slot", 1, 0, Address::any_slot - 1));
  role.buffers = static_cast<std::uint16_t>(map.number("buffers", 16, 2, 65535));
  const std::uint64_t size = map.size("size", 8 << 20);
  if (size == 0 || size % sector_size != 0 || size > disk_size_max) {
    map.fail(map.require("size"), "size: expected whole sectors, 1GiB at most");
  }
  role.sectors = size / sector_size;
  if (map.has("fill")) role.fill_pattern = map.choice("fill", {"pattern", "zero"}) == 0;
  map.finish();
  return role;
}

TargetRole parse_roles(YamlMap map) {
  TargetRole target = parse_target(map.map("target"));
  map.finish();
  return target;
}

Givens parse_given(YamlMap map) {
  Givens given;
  const Duration deadsecs = map.duration("deadsecs", given.deadsecs);
  given.deadsecs = std::chrono::duration_cast<std::chrono::seconds>(deadsecs);
  if (given.deadsecs != deadsecs)
    map.fail(map.require("deadsecs"), "deadsecs: expected whole seconds");
  given.maxout = static_cast<std::uint16_t>(map.number("maxout", given.maxout, 1, 65535));
  given.mtu = static_cast<std::uint16_t>(map.number("mtu", given.mtu, 0, 65535));
  if (sectors_per_frame(given.mtu) == 0)
    map.fail(map.require("mtu"), "mtu: expected room for a sector");
  given.rtt = map.duration("rtt", given.rtt);
  map.finish();
  return given;
}

/// Reads steps, one after another: each may refer to those before it.
class StepReader {
 public:
  explicit StepReader(const std::string& file, const TargetRole& target)
      : file_(file), target_(target) {}

  Step read(const YAML::Node& node) {
    YamlMap map(node, file_, "step");
    Step step{map.mark(), WaitStep{}};
    if (node.size() != 1) map.fail(node, "expected one word with its arguments");
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
    }
    map.finish();
    return step;
  }

 private:
  static DiscoverStep discover(YamlMap map) {
    const DiscoverStep step{parse_address_at(map, "expect"),
                            map.duration("within", std::chrono::seconds(3))};
    map.finish();
    return step;
  }

  WarmupStep warmup(YamlMap map) const {
    WarmupStep step;
    step.reads.id = "(warmup)";  // not a name, so no io step has it
    step.reads.requests = requests(map, "reads", 64);
    step.reads.depth = depth(map);
    check_size(map, "warmup", step.reads);
    check_free(map, "warmup", step.reads);
    map.finish();
    return step;
  }

  ArmStep arm(YamlMap map) {
    ArmStep step{FaultSpec::parse(map)};
    if (!faults_.insert(step.fault.id).second) map.fail(map.require("id"), "this id is taken");
    return step;
  }

  HealStep heal(YamlMap& map) const {
    HealStep step{map.texts("heal")};
    for (const std::string& id : step.ids)
      check_known(map, map.require("heal"), id, faults_, "fault");
    return step;
  }

  IoStep io(YamlMap map) {
    IoStep step;
    step.id = map.name("id");
    if (!ios_.insert(step.id).second) map.fail(map.require("id"), "this id is taken");
    step.operation =
        static_cast<IoOperation>(map.choice("op", {"read", "write", "mixed", "flush"}));
    if (step.operation != IoOperation::flush) {
      if (map.has("lba")) step.lba = map.number("lba", 0, 0, target_.sectors - 1);
      step.count = static_cast<std::uint32_t>(map.number("count", 8, 1, target_.sectors));
    }
    step.requests = requests(map, "requests", 1);
    // All flushes look the same on the wire, so there is one at a time.
    if (step.operation != IoOperation::flush) step.depth = depth(map);
    check_size(map, "io", step);
    check_free(map, "io", step);
    at_work_.push_back(step);
    map.finish();
    return step;
  }

  ExpectStep expect(YamlMap map) {
    ExpectStep step;
    if (map.has("io")) step.io = expect_io(map.map("io"));
    if (map.has("device")) {
      const bool up = map.choice("device", {"down", "up"}) == 1;
      step.device = {up,
                     TimeWindow::parse(map.require("within"), map.mark_of(map.require("within")))};
    }
    if (map.has("retransmit")) step.retransmit = expect_retransmit(map.map("retransmit"));
    if (map.has("hits")) step.hits = expect_hits(map.map("hits"));
    map.finish();
    if (!step.io && !step.device && !step.retransmit && !step.hits) {
      fail_at(map.mark(), "expect: expected something: io, device, retransmit or hits");
    }
    return step;
  }

  ExpectIo expect_io(YamlMap map) {
    ExpectIo io;
    io.id = map.text("id");
    check_known(map, map.require("id"), io.id, ios_, "io");
    if (map.has("result")) io.success = map.choice("result", {"error", "ok"}) == 1;
    if (map.has("within")) io.within = map.duration("within", {});
    map.finish();
    std::erase_if(at_work_, [&](const IoStep& step) { return step.id == io.id; });
    return io;
  }

  ExpectRetransmit expect_retransmit(YamlMap map) const {
    ExpectRetransmit retransmit{
        map.text("of"),
        TimeWindow::parse(map.require("within"), map.mark_of(map.require("within")))};
    check_known(map, map.require("of"), retransmit.fault, faults_, "fault");
    map.finish();
    return retransmit;
  }

  ExpectHits expect_hits(YamlMap map) const {
    ExpectHits hits{map.text("of"), map.number("min", 1, 1, UINT64_MAX)};
    check_known(map, map.require("of"), hits.fault, faults_, "fault");
    map.finish();
    return hits;
  }

  static std::uint32_t depth(YamlMap& map) {
    return static_cast<std::uint32_t>(map.number("depth", 1, 1, 65536));
  }

  static std::uint32_t requests(YamlMap& map, const std::string& key, std::uint64_t fallback) {
    return static_cast<std::uint32_t>(map.number(key, fallback, 1, 1'000'000));
  }

  void check_size(const YamlMap& map, std::string_view what, const IoStep& step) const {
    if (step.operation == IoOperation::flush) return;
    if (step.lba && step.requests > 1) {
      fail_at(map.mark(), "io: many requests have LBAs of the seed, so no lba");
    }
    if (step.lba && *step.lba + step.count > target_.sectors) {
      fail_at(map.mark(),
              fmt::format("io: beyond the disk's last sector, {}", target_.sectors - 1));
    }
    // A duplicate that arrives late may then only repeat what is there.
    if (const std::uint64_t blocks = target_.sectors / step.count; step.requests > blocks) {
      fail_at(map.mark(),
              fmt::format("{}: at most {} requests of {} sectors, so that no block is used twice",
                          what, blocks, step.count));
    }
    const std::uint64_t at_once = std::min(step.depth, step.requests);
    if (at_once * step.count * sector_size > io_size_max) {
      fail_at(map.mark(), fmt::format("{}: at most 256MiB at once", what));
    }
  }

  static bool overlap(const IoStep& a, const IoStep& b) {
    const bool flushes = a.operation == IoOperation::flush;
    if (flushes || b.operation == IoOperation::flush) return a.operation == b.operation;
    return !a.lba || !b.lba || (*a.lba < *b.lba + b.count && *b.lba < *a.lba + a.count);
  }

  void check_free(const YamlMap& map, std::string_view what, const IoStep& step) const {
    for (const IoStep& other : at_work_) {
      if (!overlap(step, other)) continue;
      fail_at(map.mark(), fmt::format("{}: '{}' may still be at work on the same sectors; expect "
                                      "its result first",
                                      what, other.id));
    }
  }

  static void check_known(const YamlMap& map, const YAML::Node& node, const std::string& id,
                          const std::set<std::string>& known, std::string_view what) {
    if (known.contains(id)) return;
    const std::string hint = nearest(id, known);
    map.fail(node, fmt::format("no {} '{}' before this step{}", what, id,
                               hint.empty() ? "" : fmt::format("; did you mean '{}'?", hint)));
  }

  const std::string& file_;
  const TargetRole& target_;
  std::set<std::string> faults_;
  std::set<std::string> ios_;
  std::vector<IoStep> at_work_;  // those of which no result was expected yet
};

Scenario parse(const YAML::Node& root, const std::string& file) {
  YamlMap map(root, file, "scenario");
  Scenario scenario;
  scenario.file = file;
  scenario.id = map.name("scenario");
  scenario.title = map.text("title");
  scenario.clauses = map.texts("clause");
  scenario.target = parse_roles(map.map("roles"));
  if (map.has("given")) scenario.given = parse_given(map.map("given"));
  const YAML::Node steps = map.require("steps");
  if (!steps.IsSequence() || steps.size() == 0) map.fail(steps, "steps: expected a list of steps");
  StepReader reader(file, scenario.target);
  for (const YAML::Node& step : steps) scenario.steps.push_back(reader.read(step));
  std::vector<std::size_t> always(check_names.size());
  std::iota(always.begin(), always.end(), 0U);
  if (map.has("always")) always = map.choices("always", check_names);
  for (const std::size_t check : always) scenario.always.push_back(static_cast<Check>(check));
  if (map.has("finally")) {
    YamlMap finally = map.map("finally");
    finally.choice("all-io", {"resolved"});
    scenario.settle = finally.duration("within", scenario.settle);
    finally.finish();
  }
  map.finish();
  return scenario;
}

}  // namespace

std::string_view text(Check check) {
  return check_names[static_cast<std::size_t>(check)];
}

std::string_view rule(Check check) {
  switch (check) {
    case Check::data_integrity:
      return "data-integrity: reads return, and the store holds, what was written and acknowledged";
    case Check::no_unasked_reply:
      return "no-unasked-reply: a target answers what reached it, each copy at most once (AoEr11 "
             "§2)";
    case Check::tag_unique_in_flight:
      return "tag-unique-in-flight: requests that wait for answers have different tags (AoEr11 §2)";
    case Check::window_respected:
      return "window-respected: no more requests wait than the target has buffers, or maxout "
             "allows "
             "(AoEr11 §3.2)";
    case Check::no_early_retransmit:
      return "no-early-retransmit: no request is repeated before its timeout "
             "(profile/rexmit-timeout)";
  }
  AOE_CHECK(false && "a check without a rule");
}

tl::expected<Scenario, std::string> parse_scenario(const std::string& text,
                                                   const std::string& name) {
  return read_yaml(text, name, [&name](const YAML::Node& root) { return parse(root, name); });
}

tl::expected<Scenario, std::string> load_scenario(const std::string& path) {
  const auto text = file_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse_scenario(*text, path);
}

}  // namespace aoe::harness
