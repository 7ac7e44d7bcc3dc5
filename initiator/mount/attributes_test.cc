#include "initiator/mount/attributes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using Kind = Node::Kind;

std::string parsed(Kind kind, std::string_view text) {
  const auto command = parse_command(kind, text);
  if (!command) return "no sense";
  using What = Command::Kind;
  switch (command->kind) {
    case What::discover: return "discover";
    case What::revalidate: return fmt::format("revalidate {}", command->device);
    case What::forget_down: return "forget down";
    case What::forget_all: return "forget all";
    case What::forget: return fmt::format("forget {}", command->device);
    case What::set_interfaces:
      return fmt::format("interfaces [{}]", fmt::join(command->names, "|"));
    case What::set_deadsecs: return fmt::format("deadsecs {}", command->value);
    case What::set_maxout: return fmt::format("maxout {}", command->value);
    case What::set_dyndevs: return fmt::format("dyndevs {}", command->value != 0);
  }
  return "";
}

DeviceStatus two_paths() {
  DeviceStatus device;
  device.address = {0, 2};
  device.state = "down,closewait";
  device.sectors = 2048;
  device.payload = 8704;
  device.firmware = 0x402a;
  device.paths.push_back({.interface = "eth1", .mac = {{2, 0, 0, 0xab, 0, 1}}});
  device.paths.push_back({.interface = "eth0", .mac = {{2, 0, 0, 0xab, 0, 1}}});
  device.paths.push_back({.interface = "eth1", .mac = {{2, 0, 0, 0xab, 0, 2}}});
  return device;
}

TEST(Attributes, OfADeviceAreWhatTheDriverPrints) {
  const DeviceStatus device = two_paths();
  EXPECT_EQ(show(Kind::state, device), "down,closewait\n");
  EXPECT_EQ(show(Kind::mac, device), "020000ab0001\n");
  EXPECT_EQ(show(Kind::netif, device), "eth1,eth0\n");
  EXPECT_EQ(show(Kind::firmware_version, device), "0x402a\n");
  EXPECT_EQ(show(Kind::payload, device), "8704\n");
  EXPECT_EQ(show(Kind::ro, device), "0\n");
  EXPECT_EQ(show(Kind::size, device), "2048\n");
  EXPECT_EQ(show(Kind::max_sectors_kb, device), "8\n");
  EXPECT_EQ(show(Kind::max_hw_sectors_kb, device), "8\n");
  EXPECT_TRUE(show(Kind::debug_disk, device).starts_with("rttavg: "));
}

TEST(Attributes, OfADeviceThatNothingLeadsToSayNone) {
  EXPECT_EQ(show(Kind::mac, DeviceStatus{}), "none\n");
  EXPECT_EQ(show(Kind::netif, DeviceStatus{}), "none\n");
  EXPECT_EQ(show(Kind::firmware_version, DeviceStatus{}), "0x0000\n");
}

TEST(Attributes, OfADeviceThatHasRefusedAWriteSayReadOnly) {
  DeviceStatus device = two_paths();
  device.read_only = true;
  EXPECT_EQ(show(Kind::ro, device), "1\n");
}

TEST(Attributes, ParametersReadAsTheyAreWritten) {
  const Parameters given{.deadsecs = std::chrono::seconds(30), .maxout = 64, .dyndevs = false};
  const Settings settings{{"eth0", "eth1"}};
  EXPECT_EQ(parsed(Kind::aoe_deadsecs, show(Kind::aoe_deadsecs, given, settings)), "deadsecs 30");
  EXPECT_EQ(parsed(Kind::aoe_maxout, show(Kind::aoe_maxout, given, settings)), "maxout 64");
  EXPECT_EQ(parsed(Kind::aoe_dyndevs, show(Kind::aoe_dyndevs, given, settings)), "dyndevs false");
  EXPECT_EQ(parsed(Kind::aoe_iflist, show(Kind::aoe_iflist, given, settings)),
            "interfaces [eth0|eth1]");
  EXPECT_EQ(parsed(Kind::aoe_iflist, show(Kind::aoe_iflist, given, Settings{})), "interfaces []");
}

TEST(Commands, AnythingDiscovers) {
  EXPECT_EQ(parsed(Kind::discover, "e0.2"), "discover");
  EXPECT_EQ(parsed(Kind::discover, "\n"), "discover");
}

TEST(Commands, FlushForgetsWhatIsDownOrAllOrOne) {
  EXPECT_EQ(parsed(Kind::flush, "\n"), "forget down");
  EXPECT_EQ(parsed(Kind::flush, "all\n"), "forget all");
  EXPECT_EQ(parsed(Kind::flush, " e7.1 \n"), "forget e7.1");
  EXPECT_EQ(parsed(Kind::flush, "all e7.1"), "no sense");
  EXPECT_EQ(parsed(Kind::flush, "everything"), "no sense");
}

TEST(Commands, RevalidateTakesADevice) {
  EXPECT_EQ(parsed(Kind::revalidate, "e0.2\n"), "revalidate e0.2");
  for (const char* text : {"", "\n", "sda", "e0", "e0.2p1", "e0.2 e0.3", "e65535.1"}) {
    EXPECT_EQ(parsed(Kind::revalidate, text), "no sense") << text;
  }
}

TEST(Commands, InterfacesAreAList) {
  EXPECT_EQ(parsed(Kind::interfaces, "eth0 eth1\n\teth2*\n"), "interfaces [eth0|eth1|eth2*]");
  EXPECT_EQ(parsed(Kind::interfaces, "eth0,eth1, eth2,\n"), "interfaces [eth0|eth1|eth2]");
  EXPECT_EQ(parsed(Kind::interfaces, std::string_view("eth0 eth1\0\0", 11)),
            "interfaces [eth0|eth1]");
  EXPECT_EQ(parsed(Kind::interfaces, "\n"), "interfaces []");
  const std::string longest(127, 'x');  // an altname
  EXPECT_EQ(parsed(Kind::interfaces, "eth0 " + longest), "interfaces [eth0|" + longest + "]");
  EXPECT_EQ(parsed(Kind::interfaces, "eth0 x" + longest), "no sense");
  EXPECT_EQ(parsed(Kind::interfaces, "a/b"), "no sense");
}

TEST(Commands, ParametersHaveLimits) {
  EXPECT_EQ(parsed(Kind::aoe_deadsecs, "0"), "deadsecs 0");
  EXPECT_EQ(parsed(Kind::aoe_deadsecs, "1000000"), "deadsecs 1000000");
  for (const char* text : {"-1", "1000001", "1s", "", "1 2", "0x10", "99999999999"}) {
    EXPECT_EQ(parsed(Kind::aoe_deadsecs, text), "no sense") << text;
  }
  EXPECT_EQ(parsed(Kind::aoe_maxout, "1"), "maxout 1");
  EXPECT_EQ(parsed(Kind::aoe_maxout, "65535"), "maxout 65535");
  EXPECT_EQ(parsed(Kind::aoe_maxout, "0"), "no sense");
  EXPECT_EQ(parsed(Kind::aoe_maxout, "65536"), "no sense");
  EXPECT_EQ(parsed(Kind::aoe_dyndevs, "1"), "dyndevs true");
  EXPECT_EQ(parsed(Kind::aoe_dyndevs, "2"), "no sense");
}

TEST(Commands, OtherFilesTakeNone) {
  EXPECT_EQ(parsed(Kind::state, "up"), "no sense");
}

}  // namespace
}  // namespace aoe::initiator
