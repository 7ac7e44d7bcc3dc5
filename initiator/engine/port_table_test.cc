#include "initiator/engine/port_table.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

constexpr Link ethernet{.mtu = 1500};

TEST(PortTable, IdsCountUpwards) {
  PortTable ports;
  EXPECT_EQ(ports.add(ethernet), 0);
  EXPECT_EQ(ports.add(ethernet), 1);
  EXPECT_EQ(ports.size(), 2U);
}

TEST(PortTable, TheIdOfAPortThatHasGoneIsGivenOutAgain) {
  PortTable ports;
  for (int i = 0; i < 3; ++i) ports.add(ethernet);
  ports.remove(1);
  EXPECT_FALSE(ports.contains(1));
  EXPECT_FALSE(ports.is_usable(1));
  EXPECT_EQ(ports.add({.mtu = 9000}), 1);
  EXPECT_TRUE(ports.contains(1));
  EXPECT_EQ(ports[1].mtu, 9000);
  EXPECT_EQ(ports.add(ethernet), 3);
}

TEST(PortTable, AnInterfaceThatComesAndGoesDoesNotUseUpIds) {
  PortTable ports;
  ports.add(ethernet);
  for (int i = 0; i < 200'000; ++i) ports.remove(ports.add(ethernet));
  EXPECT_EQ(ports.size(), 2U);
}

TEST(PortTable, APortCarriesWholeSectorsWhileItIsUp) {
  PortTable ports;
  const PortId port = ports.add({.mtu = 533});
  EXPECT_FALSE(ports.is_usable(port));
  ports.change(port, {.mtu = 534});
  EXPECT_EQ(ports.sectors(port), 1U);
  ports.change(port, {.mtu = 9000});
  EXPECT_EQ(ports.sectors(port), 17U);
  ports.change(port, {.mtu = 9000, .up = false});
  EXPECT_EQ(ports.sectors(port), 0U);
}

}  // namespace
}  // namespace aoe::initiator
