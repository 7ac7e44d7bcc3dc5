// Ports on VLAN interfaces, where the kernel has them.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "proto/layout.h"
#include "wire/packet_port.h"
#include "wire/testing/test_namespace.h"

namespace aoe {
namespace {

/// A cable between "left" and "right", with VLAN 5 on it: "left.5" and "right.5".
class VlanTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    if (IsSkipped()) return;
    make_cable("left", "right");
    if (std::system("ip link add link left name left.5 type vlan id 5 2>/dev/null") != 0) {
      GTEST_SKIP() << "this kernel has no VLAN interfaces (module 8021q)";
    }
    ip("link add link right name right.5 type vlan id 5");
    for (const auto* name : {"left.5", "right.5"}) {
      ip(fmt::format("link set {} addrgenmode none up", name));
    }
    wait_until_up({"left.5", "right.5"});
  }

  static std::unique_ptr<PacketPort> open(const std::string& name) {
    auto port = PacketPort::open(name);
    EXPECT_TRUE(port) << port.error();
    return *std::move(port);
  }
  static void broadcast(PacketPort& port) {
    std::array<std::uint8_t, 60> bytes{};
    layout::set<Field::destination>(bytes, Mac::broadcast());
    layout::set<Field::source>(bytes, port.link().mac);
    layout::set<Field::ethertype>(bytes, ethertype);
    const Outgoing frame{bytes, {}};
    port.send({&frame, 1});
  }
  static std::size_t received(PacketPort& port) {
    std::array<Bytes, batch_size> frames;
    return port.receive(frames);
  }
};

TEST_F(VlanTest, EachLevelSeesItsOwnFramesOnly) {
  const auto left = open("left");
  const auto left_vlan = open("left.5");
  const auto right = open("right");
  const auto right_vlan = open("right.5");
  broadcast(*left_vlan);
  ASSERT_TRUE(wait_readable(right_vlan->descriptor()));
  EXPECT_EQ(received(*right_vlan), 1U);
  EXPECT_EQ(received(*right), 0U) << "a frame of the VLAN is nobody's below it";
  broadcast(*left);
  ASSERT_TRUE(wait_readable(right->descriptor()));
  EXPECT_EQ(received(*right), 1U);
  EXPECT_EQ(received(*right_vlan), 0U);
}

}  // namespace
}  // namespace aoe
