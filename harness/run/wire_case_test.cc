#include "harness/run/wire_case.h"

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

Scenario scenario_of(const std::string& steps) {
  auto scenario = parse_scenario(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}}\nsteps:\n" + steps, "s.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return *std::move(scenario);
}

std::string unfit(const std::string& steps) {
  return unfit_for_wire(scenario_of(steps));
}
/// On a disk of so many sectors, where the scenario's own has 128.
std::string unfit(const std::string& steps, std::uint64_t sectors) {
  return unfit_for_size(scenario_of(steps), sectors);
}

TEST(WireCase, IsAboutTheDiskThatIsThere) {
  EXPECT_EQ(unfit("- ask: {kind: read, shelf: any, slot: any, destination: broadcast}\n"), "");
  EXPECT_EQ(unfit("- ask: {kind: read, shelf: 8}\n"),
            "it asks for another shelf or slot than the disk's");
  EXPECT_EQ(unfit("- ask: {kind: read, destination: \"02:00:00:00:00:99\"}\n"),
            "it asks another station");
}

TEST(WireCase, BeginsNothingThatItCanNotEnd) {
  const auto reason = [](const std::string& fault) {
    return out_of_reach(scenario_of(
        "- reserve: {op: set, macs: [\"02:00:00:00:00:77\"]}\n- arm: {id: f, fault: " + fault +
        "}\n"));
  };
  EXPECT_EQ(reason("kill"), "what is on the wire can't be killed");
  EXPECT_EQ(reason("pause"), "what is on the wire can't be paused");
  EXPECT_EQ(reason("disk-error"), "what is on the wire can't be given faults");
  for (const char* fault : {"mtu, mtu: 9000", "link-down, end: target",
                            "mac-change, mac: \"02:00:00:00:00:2a\", end: initiator"})
    EXPECT_EQ(reason(fault), "the interfaces on a wire keep their addresses and settings") << fault;
  EXPECT_EQ(reason("link-down, end: initiator"), "");
  EXPECT_EQ(reason("partition"), "");
}

TEST(WireCase, GoesBeyondTheEndOfNoDisk) {
  const std::string last = "- send: {ata: {op: read, lba: 127, count: 1}}\n";
  const std::string beyond = "- send: {ata: {op: read, lba: 127, count: 2}}\n";
  const std::string tells_size =
      "- send: {ata: {op: identify}}\n"
      "- expect: {reply: {identify: {words: [{word: 60, count: 2, is: 128}]}}}\n";
  const std::string loads = "- io: {id: r, op: read}\n- expect: {io: {id: r}}\n";
  for (const std::string& steps : {last, beyond, tells_size, loads})
    EXPECT_EQ(unfit(steps, 128), "") << steps;
  EXPECT_EQ(unfit(last, 1 << 20), "");
  EXPECT_EQ(unfit(loads, 1 << 20), "");
  for (const std::uint64_t sectors : {127U, 129U}) {
    EXPECT_EQ(unfit(beyond, sectors), "it is about the end of a disk of its own size");
    EXPECT_EQ(unfit(tells_size, sectors), "it is about a disk of its own size");
  }
  EXPECT_EQ(unfit(loads, 127), "it is played on 128 sectors, and the disk has 127");
}

TEST(WireCase, MovesToTheAddressOfTheDisk) {
  Scenario scenario = scenario_of("- discover: {}\n");
  move_to({7, 3}, scenario);
  EXPECT_EQ(scenario.lun().address, (Address{7, 3}));
  EXPECT_EQ(std::get<DiscoverStep>(scenario.steps[0].what).expect, (Address{7, 3}));
}

}  // namespace
}  // namespace aoe::harness
