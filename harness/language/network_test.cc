#include "harness/language/network.h"

#include <gtest/gtest.h>

#include "harness/language/scenario.h"

namespace aoe::harness {
namespace {

std::string network_text(const std::string& parties, const std::string& steps = "- wait: 1ms") {
  return "scenario: s\ntitle: t\n" + parties + "\nsteps:\n" + steps + "\n";
}

Scenario network_scenario(const std::string& parties, const std::string& steps = "- wait: 1ms") {
  auto scenario = parse_scenario(network_text(parties, steps), "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return scenario.value_or(Scenario{});
}

std::string network_complaint(const std::string& parties,
                              const std::string& steps = "- wait: 1ms") {
  const auto scenario = parse_scenario(network_text(parties, steps), "x.yaml");
  return scenario ? "none" : scenario.error();
}

constexpr const char* two_segments =
    "network: {lan: {mtu: 9000, latency: 1ms}, san: {switch: floods}}\n"
    "nodes:\n"
    "  i: {role: initiator, count: 2, on: [lan, san]}\n"
    "  t1: {role: target, on: lan, mtu: 1500, size: 64KiB, disk: d}\n"
    "  t2: {role: target, on: san, disk: d, standby: true}";

TEST(Network, RolesAreShortForOneOfEachOnOneSegment) {
  const Network network = network_scenario("roles: {target: {size: 64KiB}}").network;
  EXPECT_TRUE(network.is_of_two());
  EXPECT_EQ(network.names(), (std::vector<std::string>{"initiator", "target"}));
  EXPECT_EQ(network.name_of(target_port), "target");
  EXPECT_EQ(network.ports[initiator_port].mac, initiator_mac);
  EXPECT_EQ(network.disks.front().sectors, 128U);
}

TEST(Network, NodesAreOnTheSegmentsThatTheyName) {
  const Network network = network_scenario(two_segments).network;
  EXPECT_EQ(network.names(), (std::vector<std::string>{"i1", "i2", "t1", "t2"}));
  EXPECT_EQ(network.ports.size(), 6U);
  EXPECT_EQ(network.name_of(PortIndex{3}), "i2 on san");
  EXPECT_EQ(network.name_of(PortIndex{4}), "t1");
  EXPECT_EQ(network.ports[0].mtu, 9000);
  EXPECT_EQ(network.ports[4].mtu, 1500) << "its own";
  EXPECT_EQ(network.port_towards(0, 3), PortIndex{1}) << "i1 meets t2 on san";
  EXPECT_EQ(network.port_towards(2, 3), std::nullopt) << "t1 and t2 have no segment in common";
  EXPECT_EQ(network.segments[0].latency, std::chrono::milliseconds(1));
  EXPECT_FALSE(network.segments[1].learns);
}

TEST(Network, LunsThatNameOneDiskHaveIt) {
  const Network network = network_scenario(two_segments).network;
  ASSERT_EQ(network.disks.size(), 1U);
  EXPECT_EQ(network.disk({2, 0}).sectors, 128U);
  EXPECT_EQ(network.lun({3, 0}).disk, network.lun({2, 0}).disk);
  EXPECT_TRUE(network.nodes[3].standby);
}

TEST(Network, ATargetMayHaveManyLuns) {
  const Network network =
      network_scenario(
          "nodes:\n  i: {role: initiator}\n"
          "  t: {role: target, count: 2, shelf: 5, luns: 3, size: 4KiB}\n"
          "  u: {role: target, luns: [{slot: 1}, {shelf: 9, slot: 2, size: 1MiB}]}")
          .network;
  EXPECT_EQ(network.lun({2, 2}).address, (Address{6, 3})) << "the next node has the next shelf";
  EXPECT_EQ(network.lun({3, 1}).address, (Address{9, 2}));
  EXPECT_EQ(network.disk({3, 1}).sectors, 2048U);
  EXPECT_EQ(network.disks.size(), 8U);
}

TEST(Network, StepsNameWhoAndWhat) {
  const Scenario scenario =
      network_scenario(two_segments,
                       "- io: {id: a, by: i2, to: t2, op: read, lba: 0, count: 1}\n"
                       "- send: {by: i2, to: t2, on: san, config: {op: read}}\n"
                       "- send: {by: t1, to: i1, config: {op: read}}");
  const auto& io = std::get<IoStep>(scenario.steps[0].what);
  EXPECT_EQ(io.by, 1);
  EXPECT_EQ(io.to, (Device{3, 0}));
  const auto& send = std::get<SendStep>(scenario.steps[1].what);
  EXPECT_EQ(send.frame.on, SegmentIndex{1});
  const auto& answer = std::get<SendStep>(scenario.steps[2].what);
  EXPECT_EQ(answer.frame.direction, Direction::to_initiator);
  EXPECT_EQ(answer.frame.target.node, 2);
}

TEST(Network, MistakesAreNamed) {
  const std::string one = "nodes: {i1: {role: initiator}, t1: {role: target}}";
  EXPECT_EQ(network_complaint("nodes: {i1: {role: initiator}}"),
            "x.yaml:3:8: scenario: nodes: expected an initiator and a target, at least");
  EXPECT_EQ(network_complaint("roles: {target: {}}\n" + one),
            "x.yaml:3:8: scenario: roles: it is short for nodes; expected one of the two");
  EXPECT_NE(network_complaint(two_segments, "- send: {by: i1, to: t1, on: san, config: {op: read}}")
                .find("i1 and t1 have no segment in common of that name"),
            std::string::npos);
  EXPECT_NE(network_complaint(one, "- io: {id: a, to: e9.9, op: read}")
                .find("to: no target has 'e9.9'; expected an address such as e1.1"),
            std::string::npos);
  EXPECT_NE(network_complaint(one, "- kill: i1").find("kill: expected one of t1, got 'i1'"),
            std::string::npos);
  EXPECT_EQ(
      network_complaint(one, "- io: {id: a, to: i1, op: read}"),
      "x.yaml:5:19: io: to: no target has 'i1'; expected an address such as e1.1, or the name "
      "of a target; did you mean 't1'?");
  EXPECT_NE(network_complaint(one, "- arm: {fault: slow-disk, id: f, by: 1ms, error: io}")
                .find("unknown key 'error'"),
            std::string::npos);
  EXPECT_NE(
      network_complaint(
          "nodes:\n  i1: {role: initiator}\n  t1: {role: target, luns: [{slot: 1}, {slot: 1}]}")
          .find("e1.1: a target has one LUN at an address"),
      std::string::npos);
  EXPECT_NE(network_complaint(
                "nodes:\n  i1: {role: initiator}\n  t1: {role: target, disk: d, size: 4KiB}\n"
                "  t2: {role: target, disk: d, size: 8KiB}")
                .find("size: disk d was described before; this LUN only names it"),
            std::string::npos);
}

}  // namespace
}  // namespace aoe::harness
