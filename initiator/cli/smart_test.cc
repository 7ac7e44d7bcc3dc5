#include "initiator/cli/smart.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

std::string parsed(std::string_view text) {
  const auto command = parse_smart(text);
  if (!command) return "none";
  return fmt::format("{} {:02x} {}{}{}", command->name, command->feature, command->number,
                     command->reads ? " reads" : "", command->writes ? " writes" : "");
}

TEST(SmartCommands, AreNamedAsPeopleAndAoepingNameThem) {
  EXPECT_EQ(parsed("return-status"), "return-status da 0");
  EXPECT_EQ(parsed("return_status"), "return-status da 0");
  EXPECT_EQ(parsed("read-data"), "read-data d0 0 reads");
  EXPECT_EQ(parsed("read-thresholds"), "read-thresholds d1 0 reads");
  EXPECT_EQ(parsed("read_log:255"), "read-log d5 255 reads");
  EXPECT_EQ(parsed("write-log:128"), "write-log d6 128 writes");
  EXPECT_EQ(parsed("offline-immediate:0"), "offline-immediate d4 0");
  EXPECT_EQ(parsed("enable"), "enable d8 0");
  EXPECT_EQ(parsed("disable"), "disable d9 0");
}

TEST(SmartCommands, HaveANumberWhereThereAreSeveral) {
  for (const char* text : {"", "status", "read-log", "read-log:", "read-log:256", "read-log:-1",
                           "read-log:1x", "read-data:1", "enable:", "READ-DATA"}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
}

}  // namespace
}  // namespace aoe::initiator
