#include "target/admin/default_serial.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

TEST(DefaultSerial, NameThatFitsStays) {
  EXPECT_EQ(default_serial({0, 2}, "storage", "abc"), "0.2:storage");
  EXPECT_EQ(default_serial({0, 2}, "", ""), "0.2:");
  EXPECT_EQ(default_serial({0, 2}, "sixteen-letters-", "abc"), "0.2:sixteen-letters-");
}

TEST(DefaultSerial, LongNamesDifferThoughTheyBeginAlike) {
  const Address address{0, 2};
  const std::string serial = default_serial(address, "storage-01.example.org", "abc");
  EXPECT_EQ(serial, "0.2:7e91c7409c");
  EXPECT_NE(serial, default_serial(address, "storage-01.example.com", "abc"));
  EXPECT_NE(serial, default_serial(address, "storage-01.example.org", "abd"));
  EXPECT_EQ(default_serial({65534, 254}, "storage-01.example.org", "abc"),
            "65534.254:" + serial.substr(4));
}

TEST(DefaultSerial, IsThatOfThisMachine) {
  EXPECT_TRUE(default_serial({65534, 254}).starts_with("65534.254:"));
  EXPECT_EQ(default_serial({0, 2}), default_serial({0, 2}));
}

}  // namespace
}  // namespace aoe::target
