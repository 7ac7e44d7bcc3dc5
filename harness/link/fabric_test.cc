#include "harness/link/fabric.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// One segment with as many ports as nodes.
Network star(std::size_t nodes, Segment segment = {}) {
  Network network;
  network.segments.push_back(std::move(segment));
  for (std::size_t i = 0; i < nodes; ++i) {
    network.nodes.push_back({.name = std::to_string(i), .ports = {static_cast<PortIndex>(i)}});
    network.ports.push_back({.node = static_cast<NodeIndex>(i)});
  }
  return network;
}

FrameBytes from_to(const Mac& source, const Mac& destination) {
  return frame_of({destination, source, disk, 1}, ConfigRequest{});
}

std::vector<PortIndex> ways(Fabric& fabric, PortIndex from, const FrameBytes& frame,
                            Instant now = Instant{}) {
  std::vector<PortIndex> out;
  fabric.route(from, frame, now, out);
  return out;
}

using Ports = std::vector<PortIndex>;

TEST(Fabric, ASwitchSendsEverywhereUntilItHasSeenTheDestination) {
  Fabric fabric(star(3));
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, server_mac)), (Ports{1, 2}));
  EXPECT_EQ(ways(fabric, 1, from_to(server_mac, client_mac)), Ports{0});
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, server_mac)), Ports{1});
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, Mac::broadcast())), (Ports{1, 2}));
  ways(fabric, 2, from_to(server_mac, client_mac));  // it has moved
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, server_mac)), Ports{2});
}

TEST(Fabric, OneThatFloodsLearnsNothing) {
  Fabric fabric(star(3, {.learns = false}));
  ways(fabric, 1, from_to(server_mac, client_mac));
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, server_mac)), (Ports{1, 2}));
}

TEST(Fabric, APortThatCameUpWaitsWhereItsSegmentSaysSo) {
  Fabric fabric(star(2, {.forward_delay = seconds(30)}));
  fabric.came_up(1, Instant{});
  const FrameBytes frame = from_to(client_mac, server_mac);
  EXPECT_EQ(ways(fabric, 0, frame, Instant(seconds(29))), Ports{});
  EXPECT_EQ(ways(fabric, 1, frame, Instant(seconds(29))), Ports{});
  EXPECT_EQ(ways(fabric, 0, frame, Instant(seconds(30))), Ports{1});
}

TEST(Fabric, WhatIsTooLongOrFindsTheQueueFullIsLost) {
  Fabric narrow(star(2, {.latency = milliseconds(2), .lost_above = 1000}));
  EXPECT_EQ(narrow.cross(1, 1000, Instant{}), milliseconds(2));
  EXPECT_EQ(narrow.cross(1, 1001, Instant{}), std::nullopt);
  Fabric slow(star(2, {.rate = 1'000'000, .queue = 250}));  // 125 bytes take a millisecond
  EXPECT_EQ(slow.cross(1, 125, Instant{}), milliseconds(1));
  EXPECT_EQ(slow.cross(1, 125, Instant{}), milliseconds(2));
  EXPECT_EQ(slow.cross(1, 125, Instant{}), milliseconds(3));
  EXPECT_EQ(slow.cross(1, 125, Instant{}), std::nullopt);
  EXPECT_EQ(slow.cross(0, 125, Instant{}), milliseconds(1)) << "each port for itself";
}

TEST(Fabric, AnInterfaceMayGoAndComeBackElsewhere) {
  Network network = star(3);
  network.segments.push_back({.name = "other"});
  Fabric fabric(network);
  ways(fabric, 2, from_to(server_mac, client_mac));
  fabric.move(2, std::nullopt);
  EXPECT_EQ(ways(fabric, 0, from_to(client_mac, server_mac)), Ports{1}) << "it is forgotten";
  EXPECT_EQ(ways(fabric, 2, from_to(server_mac, client_mac)), Ports{});
  fabric.move(2, SegmentIndex{1});
  EXPECT_EQ(fabric.segment_of(2), SegmentIndex{1});
  EXPECT_EQ(ways(fabric, 2, from_to(server_mac, client_mac)), Ports{}) << "alone there";
}

}  // namespace
}  // namespace aoe::harness
