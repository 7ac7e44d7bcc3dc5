#include "harness/judge/devices.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

const std::vector<Station> stations{{server_mac, 0}, {client_mac, 5}, {server_mac, 5}};

TEST(Devices, AreToldApartByAddressAndStation) {
  Devices devices(stations);
  const auto first = devices.find({1, 1}, 0);
  EXPECT_EQ(devices.find({1, 1}, 0), first);
  EXPECT_NE(devices.find({1, 1}, 2), first);
  EXPECT_NE(devices.find({1, 2}, 0), first);
  EXPECT_NE(devices.find({1, 1}, std::nullopt), first);
  EXPECT_NE(devices.find({1, 1}, no_station), first) << "a capture without destinations";
  EXPECT_EQ(devices.accounts().size(), 5U);
}

TEST(Devices, AreFoundInAVlan) {
  Devices devices(stations);
  EXPECT_EQ(devices.find_in_vlan({1, 1}, 5), Devices::none);
  devices.find({1, 1}, std::nullopt);
  EXPECT_EQ(devices.find_in_vlan({1, 1}, 0), Devices::none) << "it is nowhere yet";
  const auto there = devices.find({1, 1}, 2);
  devices.find({1, 1}, 1);
  EXPECT_EQ(devices.find_in_vlan({1, 1}, 5), there) << "the first";
  EXPECT_EQ(devices.find_in_vlan({1, 1}, 0), Devices::none);
}

TEST(Devices, AWildcardMayChangeAllThatItCovers) {
  for (const Address whom : {Address{1, 1}, Address{1, Address::any_slot},
                             Address{Address::any_shelf, 1}, Address::everyone()}) {
    Devices devices(stations);
    const auto meant = devices.find({1, 1}, 0);
    const auto other = devices.find({2, 2}, 0);
    devices[meant].mask.emplace();
    devices[other].mask.emplace();
    devices[meant].reserved.emplace();
    devices.may_change(whom, {.config = true, .mask = true});
    EXPECT_FALSE(devices[meant].mask);
    EXPECT_TRUE(devices[meant].reserved) << "that can't have changed";
    EXPECT_TRUE(devices[meant].config_may_change);
    EXPECT_EQ(devices[other].mask.has_value(), whom != Address::everyone());
    devices[meant].mask.emplace();
    EXPECT_TRUE(devices[meant].mask) << "it said it again";
    EXPECT_FALSE(devices[devices.find({1, 1}, 2)].config_may_change) << "it was found later";
  }
}

TEST(Devices, BeyondThoseThatAreToldApartShareAnAccount) {
  Devices devices(stations);
  const auto address = [](std::size_t i) {
    return Address{static_cast<std::uint16_t>(i >> 7), static_cast<std::uint8_t>(i & 0x7f)};
  };
  for (std::size_t i = 0; i < Devices::told_apart_max; ++i)
    ASSERT_FALSE(devices.is_shared(devices.find(address(i), 0)));
  const auto more = devices.find(address(Devices::told_apart_max), 0);
  EXPECT_TRUE(devices.is_shared(more));
  EXPECT_EQ(devices.find(address(Devices::told_apart_max + 1), 0), more);
  EXPECT_EQ(devices.find(address(7), 0), 7U);
  EXPECT_EQ(devices.accounts().size(), Devices::told_apart_max + 1);
}

}  // namespace
}  // namespace aoe::harness
