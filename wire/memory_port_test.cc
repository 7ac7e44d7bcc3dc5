#include "wire/memory_port.h"

#include <gtest/gtest.h>

#include <array>

namespace aoe {
namespace {

using Octets = std::vector<std::uint8_t>;

class MemoryPortTest : public ::testing::Test {
 protected:
  static Octets frame(std::size_t size, std::uint8_t fill) { return Octets(size, fill); }

  static std::vector<Octets> received(MemoryPort& port) {
    std::vector<Octets> all;
    std::array<Bytes, 2> views;
    while (const std::size_t count = port.receive(views))
      for (std::size_t i = 0; i < count; ++i) all.emplace_back(views[i].begin(), views[i].end());
    return all;
  }

  static void send(MemoryPort& port, const Octets& head, const Octets& data = {}) {
    const std::array<Outgoing, 1> frames{{{.head = head, .data = data}}};
    port.send(frames);
  }

  Link near{.mac = {{2, 0, 0, 0, 0, 1}}};
  Link far{.mac = {{2, 0, 0, 0, 0, 2}}};
};

TEST_F(MemoryPortTest, WhatOneEndSendsTheOtherReceivesInOrder) {
  const auto [a, b] = MemoryPort::pair(near, far);
  for (std::uint8_t i = 0; i < 5; ++i) send(*a, frame(60, i));
  const auto frames = received(*b);
  ASSERT_EQ(frames.size(), 5u);
  for (std::uint8_t i = 0; i < 5; ++i) EXPECT_EQ(frames[i], frame(60, i));
  EXPECT_TRUE(received(*a).empty());
  EXPECT_EQ(a->counters(), (PortCounters{.sent = 5}));
  EXPECT_EQ(b->counters(), (PortCounters{.received = 5}));
}

TEST_F(MemoryPortTest, TwoPiecesAreOneFrame) {
  const auto [a, b] = MemoryPort::pair(near, far);
  send(*a, {1, 2}, {3, 4, 5});
  EXPECT_EQ(received(*b), (std::vector<Octets>{{1, 2, 3, 4, 5}}));
}

TEST_F(MemoryPortTest, ViewsLastUntilTheNextReceive) {
  const auto [a, b] = MemoryPort::pair(near, far);
  std::array<Bytes, 1> views;
  for (std::uint8_t i = 0; i < 3; ++i) {
    send(*a, frame(100, i));
    ASSERT_EQ(b->receive(views), 1u);
    send(*a, frame(100, 0xee));
    EXPECT_TRUE(std::ranges::equal(views[0], frame(100, i)));
    ASSERT_EQ(b->receive(views), 1u);
  }
}

TEST_F(MemoryPortTest, AnEndRefusesFramesBeyondItsOwnMtu) {
  near.mtu = 1000;
  const auto [a, b] = MemoryPort::pair(near, far);
  send(*a, frame(1014, 1));
  send(*a, frame(1015, 2));
  send(*a, frame(1000, 3), frame(15, 3));
  send(*b, frame(1015, 4));
  EXPECT_EQ(received(*b), (std::vector<Octets>{frame(1014, 1)}));
  EXPECT_TRUE(received(*a).empty());
  EXPECT_EQ(a->counters(), (PortCounters{.sent = 1, .receive_dropped = 1, .send_dropped = 2}));
}

TEST_F(MemoryPortTest, AnEndThatIsDownDropsBothWays) {
  const auto [a, b] = MemoryPort::pair(near, far);
  near.up = false;
  a->set_link(near);
  send(*a, frame(60, 1));
  send(*b, frame(60, 2));
  near.up = true;
  a->set_link(near);
  send(*a, frame(60, 3));
  EXPECT_EQ(received(*b), (std::vector<Octets>{frame(60, 3)}));
  EXPECT_TRUE(received(*a).empty());
  EXPECT_EQ(a->counters(), (PortCounters{.sent = 1, .receive_dropped = 1, .send_dropped = 1}));
}

TEST_F(MemoryPortTest, EitherEndOutlivesTheOther) {
  auto [a, b] = MemoryPort::pair(near, far);
  send(*a, frame(60, 1));
  a.reset();
  EXPECT_EQ(received(*b), (std::vector<Octets>{frame(60, 1)}));
  send(*b, frame(60, 2));
  EXPECT_EQ(b->counters(), (PortCounters{.received = 1, .sent = 1}));
}

}  // namespace
}  // namespace aoe
