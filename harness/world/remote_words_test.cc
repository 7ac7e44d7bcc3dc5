#include "harness/world/remote_words.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include <nlohmann/json.hpp>

namespace aoe::harness {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

Json greeting() {
  Implementation vblade{.name = "vblade", .given = "vblade"};
  vblade.cannot = {{"mask", "it has no list"}};
  return Json::parse(greeting_line(vblade, {.mac = {{2, 0, 0, 0, 0, 9}}, .mtu = 9000}));
}

TEST(RemoteWords, GreetingSaysWhatTheFarHalfHas) {
  const auto read = greeting_from(greeting().dump());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->target.name, "vblade");
  EXPECT_EQ(read->target.given, "vblade");
  EXPECT_EQ(read->target.cannot.at("mask"), "it has no list");
  EXPECT_EQ(read->link, (Link{.mac = {{2, 0, 0, 0, 0, 9}}, .mtu = 9000, .up = true}));
}

TEST(RemoteWords, GreetingWithoutAnythingIsNone) {
  for (const char* member : {"aoe-harness", "target", "given", "cannot", "mac", "mtu"}) {
    Json less = greeting();
    less.erase(member);
    EXPECT_TRUE(greeting_from(less.dump()).error().starts_with("expected the greeting")) << member;
    Json other = greeting();
    other[member] = Json::array();
    EXPECT_FALSE(greeting_from(other.dump())) << member;
  }
  EXPECT_EQ(greeting_from("Last login: never\x1b").error(),
            "expected the greeting of aoe-harness remote, got 'Last login: never\uFFFD'");
  Json other = greeting();
  other["mac"] = "nowhere";
  EXPECT_FALSE(greeting_from(other.dump()));
}

TEST(RemoteWords, GreetingOfAnotherVersionIsRefused) {
  Json other = greeting();
  const auto own = other["aoe-harness"].get<std::string>();
  other["aoe-harness"] = "0.0.1";
  EXPECT_EQ(greeting_from(other.dump()).error(),
            "it is aoe-harness 0.0.1, and this is " + own + ": install the same on both machines");
  EXPECT_EQ(greeting_from(R"({"error": "eth1: it is down"})").error(), "eth1: it is down");
}

TEST(RemoteWords, FaultsOfADiskComeBack) {
  EXPECT_EQ(faults_from(to_json(std::nullopt)), std::nullopt);
  const DiskFaults faults{.reads = false,
                          .writes = true,
                          .flushes = true,
                          .lba = 7,
                          .sectors = UINT64_MAX,
                          .count = 3,
                          .error = ENOSPC,
                          .delay = 20ms};
  EXPECT_EQ(faults_from(Json::parse(to_json(faults).dump())), faults);
  Json less = to_json(faults);
  less.erase("lba");
  EXPECT_THROW(faults_from(less), Json::exception);
}

TEST(RemoteWords, OnlySectorsThatDifferAreSaid) {
  const std::vector<std::uint8_t> begun(3 * sector_size, 0x11);
  std::vector<std::uint8_t> now = begun;
  EXPECT_EQ(changes_between(begun, now), Json::array());
  now[sector_size] = 0xab;
  now.back() = 0xcd;
  const Json changes = Json::parse(changes_between(begun, now).dump());
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0][0], 1);
  std::vector<std::uint8_t> there = begun;
  apply_changes(changes, there);
  EXPECT_EQ(there, now);
}

TEST(RemoteWords, ChangesOfOtherSectorsAreRefused) {
  std::vector<std::uint8_t> sectors(2 * sector_size);
  const std::string digits(2 * sector_size, '0');
  for (const Json& wrong :
       {Json{{2, digits}}, Json{{1, digits + "00"}}, Json{{1, "zz" + digits.substr(2)}},
        Json{{0, 0}}, Json{"x"}, Json{{0}}}) {
    EXPECT_THROW(apply_changes(wrong, sectors), std::exception) << wrong.dump().substr(0, 40);
  }
}

}  // namespace
}  // namespace aoe::harness
