#include "proto/address.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

constexpr Address lun{7, 3};

TEST(Mac, GroupBitMakesItMulticast) {
  EXPECT_TRUE(Mac::broadcast().is_multicast());
  EXPECT_TRUE((Mac{{0x01, 0, 0x5e, 0, 0, 1}}.is_multicast()));
  EXPECT_FALSE((Mac{{0x02, 0xff, 0xff, 0xff, 0xff, 0xff}}.is_multicast()));
  EXPECT_FALSE(Mac{}.is_multicast());
}

TEST(Mac, PrintsAndParsesItsSixOctets) {
  const Mac mac{{0x02, 0x00, 0x0f, 0xa0, 0xfe, 0xff}};
  EXPECT_EQ(fmt::format("{}", mac), "02:00:0f:a0:fe:ff");
  EXPECT_EQ(parse_mac("02:00:0f:a0:fe:ff"), mac);
  EXPECT_EQ(parse_mac("02:00:0F:A0:FE:FF"), mac);
}

TEST(Mac, IsNothingButSixPairsOfDigits) {
  for (const char* text : {"",
                           ":",
                           "02:00:0f:a0:fe",
                           "02:00:0f:a0:fe:",
                           "02:00:0f:a0:fe:f",
                           "02:00:0f:a0:fe:ff:",
                           "02:00:0f:a0:fe:ff ",
                           " 02:00:0f:a0:fe:ff",
                           "02-00-0f-a0-fe-ff",
                           "02000fa0feff",
                           "02:00:0f:a0:fe:fg",
                           "02:00:0f:a0:fe:-1",
                           "02:00:0f:a0:fe:+1",
                           "02:00:0f:a0:fe: 1",
                           "02:00:0f:a0:0x:ff",
                           "2:0:f:a0:fe:ff:00:1",
                           "02:00:0f:a0:fe0ff",
                           "g2:00:0f:a0:fe:ff",
                           "02:00:0f:a0:fe:ff\n",
                           "0200:0f:a0:fe:ff:"}) {
    EXPECT_FALSE(parse_mac(text)) << '"' << text << '"';
  }
  EXPECT_FALSE(parse_mac(std::string_view("02:00:0f:a0:fe:f\0", 17)));
}

TEST(Address, CoversItselfAndNothingElse) {
  EXPECT_TRUE(lun.is_exact());
  EXPECT_TRUE(lun.covers(lun));
  EXPECT_FALSE(lun.covers({8, 3}));
  EXPECT_FALSE(lun.covers({7, 4}));
  EXPECT_FALSE(lun.covers({0, 0}));
}

TEST(Address, WildcardsCoverShelfAndSlotIndependently) {
  EXPECT_TRUE((Address{Address::any_shelf, 3}.covers(lun)));
  EXPECT_FALSE((Address{Address::any_shelf, 4}.covers(lun)));
  EXPECT_TRUE((Address{7, Address::any_slot}.covers(lun)));
  EXPECT_FALSE((Address{8, Address::any_slot}.covers(lun)));
  EXPECT_TRUE(Address::everyone().covers(lun));

  EXPECT_FALSE((Address{Address::any_shelf, 3}.is_exact()));
  EXPECT_FALSE((Address{7, Address::any_slot}.is_exact()));
  EXPECT_FALSE(Address::everyone().is_exact());
}

TEST(Address, PrintsWildcardsAsStars) {
  EXPECT_EQ(fmt::format("{}", lun), "e7.3");
  EXPECT_EQ(fmt::format("{}", Address{65534, 254}), "e65534.254");
  EXPECT_EQ(fmt::format("{}", Address{Address::any_shelf, 2}), "e*.2");
  EXPECT_EQ(fmt::format("{}", Address{2, Address::any_slot}), "e2.*");
  EXPECT_EQ(fmt::format("{}", Address::everyone()), "e*.*");
}

TEST(Address, ParsesDecimalShelfAndSlot) {
  EXPECT_EQ(parse_address("e0.0"), (Address{0, 0}));
  EXPECT_EQ(parse_address("e7.3"), lun);
  EXPECT_EQ(parse_address("e65534.254"), (Address{65534, 254}));
}

TEST(Address, IsNothingButAnExactShelfAndSlot) {
  for (const char* text : {"",
                           "e",
                           "e.",
                           "e7",
                           "e7.",
                           "e.3",
                           "7.3",
                           "E7.3",
                           "e7.3 ",
                           " e7.3",
                           "e7 .3",
                           "e7. 3",
                           "e7.3p1",
                           "e7.3.1",
                           "e7,3",
                           "e-1.3",
                           "e+7.3",
                           "e7.-1",
                           "e0x7.3",
                           "e65535.3",
                           "e7.255",
                           "e65536.0",
                           "e0.256",
                           "e4294967296.0",
                           "e99999999999999999999.0",
                           "e*.3",
                           "e7.*",
                           "e*.*"}) {
    EXPECT_FALSE(parse_address(text)) << '"' << text << '"';
  }
}

}  // namespace
}  // namespace aoe
