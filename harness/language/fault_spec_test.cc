#include "harness/language/fault_spec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/yaml_map.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

FaultSpec parse_fault(const std::string& yaml) {
  YamlMap map(YAML::Load("{id: f, " + yaml + "}"), "x.yaml", "arm");
  return FaultSpec::parse(map, Network::of_two());
}

/// Without "x.yaml:1:n: arm: ".
std::string fault_complaint(const std::string& yaml) {
  try {
    parse_fault(yaml);
  } catch (const YamlError& error) {
    const std::string text = error.what();
    return text.substr(text.find(": ", text.find(": ") + 2) + 2);
  }
  return "none";
}

template <class Kind>
Kind kind_of(const std::string& yaml) {
  return std::get<Kind>(parse_fault(yaml).kind);
}

TEST(FaultSpec, EveryWordIsAFaultOfThatName) {
  const std::vector<std::string> minimal{
      "fault: drop",
      "fault: duplicate",
      "fault: delay, by: 1ms",
      "fault: reorder",
      "fault: corrupt, set: {version: 2}",
      "fault: truncate, to: 36",
      "fault: partition",
      "fault: rate, at: 1Mbit",
      "fault: mac-change, mac: \"02:00:00:00:00:99\"",
      "fault: link-down",
      "fault: mtu, mtu: 1000",
      "fault: pause",
      "fault: kill",
      "fault: disk-error",
      "fault: slow-disk, by: 1ms",
      "fault: interface-gone",
      "fault: interface-renamed",
      "fault: count",
  };
  ASSERT_EQ(minimal.size(), fault_words().size());
  for (std::size_t i = 0; i < minimal.size(); ++i) {
    EXPECT_EQ(parse_fault(minimal[i]).word(), fault_words()[i]);
    EXPECT_EQ(parse_fault(minimal[i]).kind.index(), i);
    EXPECT_EQ(parse_fault(minimal[i]).strikes_frames(), i < 8 || i == 17) << minimal[i];
  }
}

TEST(FaultSpec, KeysHaveDefaults) {
  EXPECT_EQ(kind_of<DuplicateSpec>("fault: duplicate").copies, 1U);
  EXPECT_EQ(kind_of<DuplicateSpec>("fault: duplicate").spread, Duration{});
  EXPECT_EQ(kind_of<ReorderSpec>("fault: reorder").by, milliseconds(1));
  EXPECT_EQ(kind_of<RateSpec>("fault: rate, at: 1Mbit").queue, 65536U);
  EXPECT_EQ(kind_of<LinkDownSpec>("fault: link-down").port, target_port);
  EXPECT_EQ(kind_of<KillSpec>("fault: kill").restart_after, std::nullopt);
  EXPECT_EQ(kind_of<DiskErrorSpec>("fault: disk-error").faults, DiskFaults{});
  EXPECT_EQ(kind_of<InterfaceRenamedSpec>("fault: interface-renamed").name, "renamed0");
}

TEST(FaultSpec, KeysAreRead) {
  const auto duplicate = kind_of<DuplicateSpec>("fault: duplicate, copies: 3, spread: 2ms");
  EXPECT_EQ(duplicate.copies, 3U);
  EXPECT_EQ(duplicate.spread, milliseconds(2));
  const auto delay = kind_of<DelaySpec>("fault: delay, by: 5ms, jitter: 1ms");
  EXPECT_EQ(delay.by, milliseconds(5));
  EXPECT_EQ(delay.jitter, milliseconds(1));
  EXPECT_EQ(kind_of<TruncateSpec>("fault: truncate, to: 36").to, 36U);
  EXPECT_EQ(kind_of<RateSpec>("fault: rate, at: 64kbit").bits_per_second, 64'000U);
  EXPECT_EQ(kind_of<RateSpec>("fault: rate, at: 1Gbit, queue: 8KiB").queue, 8192U);
  EXPECT_EQ(kind_of<MtuSpec>("fault: mtu, mtu: 1000, end: initiator").port, initiator_port);
  EXPECT_EQ(kind_of<KillSpec>("fault: kill, restart-after: 1s").restart_after,
            std::chrono::seconds(1));
  const auto disk =
      kind_of<DiskErrorSpec>("fault: disk-error, op: [write, flush], lba: [8, 15], count: 2");
  EXPECT_EQ(disk.faults, (DiskFaults{false, true, true, 8, 8, 2}));
  const auto corrupt = kind_of<CorruptSpec>("fault: corrupt, set: {version: 2}, xor: {tag: 0xff}");
  ASSERT_EQ(corrupt.changes.size(), 2U);
  EXPECT_EQ(corrupt.changes[0].field, Field::version);
  EXPECT_EQ(corrupt.changes[1].value, 0xffU);
  EXPECT_TRUE(corrupt.changes[1].invert);
}

TEST(FaultSpec, MistakesAreNamed) {
  EXPECT_EQ(fault_complaint("fault: pasue"),
            "fault: expected one of drop, duplicate, delay, reorder, corrupt, truncate, partition, "
            "rate, mac-change, link-down, mtu, pause, kill, disk-error, slow-disk, interface-gone, "
            "interface-renamed, count, got 'pasue'; did you "
            "mean 'pause'?");
  EXPECT_EQ(fault_complaint("fault: duplicate, copies: 0"),
            "copies: expected a whole number from 1 to 100");
  for (const char* name : {"a/b", "'a b'", "''", "..", "sixteenletters00"}) {
    EXPECT_EQ(fault_complaint(fmt::format("fault: interface-renamed, name: {}", name)),
              "name: expected that of an interface, such as lan0");
  }
  EXPECT_EQ(fault_complaint("fault: delay"), "expected a time: by, jitter or both");
  EXPECT_EQ(fault_complaint("fault: corrupt"),
            "expected fields, such as set: {version: 3} or xor: {tag: 1}");
  EXPECT_EQ(fault_complaint("fault: corrupt, set: {shlef: 3}"),
            "unknown key 'shlef'; did you mean 'shelf'?");
  EXPECT_EQ(fault_complaint("fault: corrupt, set: {version: 16}"),
            "version: expected a number up to 0xf, such as 31 or 0x1f");
  EXPECT_EQ(fault_complaint("fault: truncate"), "key 'to' is missing");
  EXPECT_EQ(fault_complaint("fault: truncate, to: 13"),
            "to: expected a whole number of bytes from 14 to 65535");
  EXPECT_EQ(fault_complaint("fault: rate, at: 10"),
            "at: expected bits a second, such as 10Mbit or 64kbit");
  EXPECT_EQ(fault_complaint("fault: mtu"), "key 'mtu' is missing");
  EXPECT_EQ(fault_complaint("fault: link-down, end: traget"),
            "end: expected one of initiator, target, got 'traget'; did you mean 'target'?");
  EXPECT_EQ(fault_complaint("fault: pause, nth: 1"), "unknown key 'nth'; known are end, fault, id");
  EXPECT_EQ(fault_complaint("fault: disk-error, op: [raed]"),
            "op: expected one of read, write, flush, got 'raed'; did you mean 'read'?");
  EXPECT_EQ(fault_complaint("fault: disk-error, lba: [0, 281474976710656]"),
            "lba: beyond any disk: 2^48 sectors at most");
}

}  // namespace
}  // namespace aoe::harness
