#include "initiator/cli/sancheck.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

constexpr Address disk{7, 3};
constexpr Mac mac{{2, 0, 0, 0, 0, 1}};
constexpr Mac other_mac{{2, 0, 0, 0, 0, 2}};

/// A path on which nothing is wrong.
PathCheck good_path(std::uint16_t mtu = 9000, Mac target = mac) {
  PathCheck check{.device = disk, .path = {.interface = "eth0", .mac = target, .mtu = mtu}};
  check.path.sectors = sectors_per_frame(mtu);
  check.small = check.request = check.answer = {.asked = 10, .answered = 10};
  check.identity.emplace();
  check.identity->sectors = 1000;
  return check;
}

std::string told(const std::vector<PathCheck>& checks) {
  std::string all;
  for (const Finding& finding : judge(checks)) {
    all += (finding.fault ? "FAULT " : "note ") + finding.text + "\n";
  }
  return all;
}

TEST(Sancheck, NothingIsWrongWithAGoodPath) {
  EXPECT_EQ(told({good_path()}), "");
  EXPECT_EQ(told({good_path(1500)}), "");
  EXPECT_EQ(good_path().frame_size(), 36U + 17 * 512);
}

TEST(Sancheck, APathThatIsSilentIsNamedOnce) {
  PathCheck check = good_path();
  check.small = {.asked = 3, .answered = 0};
  check.request = check.answer = {};
  EXPECT_EQ(told({check}), "FAULT e7.3 by eth0 to 02:00:00:00:00:01: does not answer\n");
}

TEST(Sancheck, LossIsCounted) {
  PathCheck check = good_path();
  check.small.answered = 9;
  check.request.answered = 8;
  check.answer.answered = 7;
  EXPECT_EQ(told({check}),
            "FAULT e7.3 by eth0 to 02:00:00:00:00:01: 1 of 10 small frames lost\n"
            "FAULT e7.3 by eth0 to 02:00:00:00:00:01: 2 of 10 requests of 8740 bytes lost\n"
            "FAULT e7.3 by eth0 to 02:00:00:00:00:01: 3 of 10 answers of 8740 bytes lost\n");
}

TEST(Sancheck, LargeFramesAloneAreLostWhereJumboFramesDoNotPass) {
  PathCheck check = good_path();
  check.request = check.answer = {.asked = 3, .answered = 0};
  EXPECT_EQ(told({check}),
            "FAULT e7.3 by eth0 to 02:00:00:00:00:01: requests of 8740 bytes are lost, though "
            "small ones are not: is there a switch or card without jumbo frames?\n"
            "FAULT e7.3 by eth0 to 02:00:00:00:00:01: answers of 8740 bytes are lost, though "
            "small ones are not: is there a switch or card without jumbo frames?\n");
}

TEST(Sancheck, ARefusalIsAnAnswerAndHasNoRoundTrip) {
  PathCheck check = good_path();
  check.small = {};
  check.small.add(make_error_code({.error = IoError::aoe_error}), {});
  EXPECT_EQ(told({check}), "");
  check.small.add({}, std::chrono::microseconds(30));
  check.small.add({}, std::chrono::microseconds(20));
  check.small.add({}, std::chrono::microseconds(40));
  EXPECT_EQ(check.small.round_trip, std::chrono::microseconds(20));
  check.small.add(make_error_code({.error = IoError::timeout}), {});
  EXPECT_EQ(told({check}), "FAULT e7.3 by eth0 to 02:00:00:00:00:01: 1 of 5 small frames lost\n");
}

TEST(Sancheck, ReadsThatAreRefusedAreNoLoss) {
  PathCheck check = good_path();
  check.answer = {.asked = 1, .answered = 0};
  check.refusal = "AoE error: target is reserved";
  EXPECT_EQ(told({check}),
            "note e7.3 by eth0 to 02:00:00:00:00:01: reads are refused: AoE error: target is "
            "reserved\n");
}

TEST(Sancheck, ATargetThatTakesLessThanTheInterfaceIsWorthKnowing) {
  PathCheck check = good_path();
  check.path.sectors = 0;  // an old server: 2
  EXPECT_EQ(told({check}),
            "note e7.3 by eth0 to 02:00:00:00:00:01: takes 2 sectors in a command, though the "
            "interface's MTU 9000 has room for 17\n");
}

TEST(Sancheck, TwoPathsToOneDiskAreNoFault) {
  PathCheck slow = good_path(1500, other_mac);
  slow.path.interface = "eth1";
  EXPECT_EQ(told({good_path(), slow}),
            "note e7.3: answers at 2 MAC addresses\n"
            "note e7.3: uses 2 sectors in a command on all its paths, because the path by "
            "eth1 to 02:00:00:00:00:02 takes no more\n");
}

TEST(Sancheck, OneAddressThatIsTwoDisksIsAFault) {
  PathCheck other = good_path(9000, other_mac);
  other.identity->sectors = 2000;
  EXPECT_EQ(told({good_path(), other}),
            "FAULT e7.3: is more than one disk: 02:00:00:00:00:01 has serial \"\" and 1000 "
            "sectors, 02:00:00:00:00:02 has serial \"\" and 2000 sectors\n"
            "note e7.3: answers at 2 MAC addresses\n");
  other.device = {7, 4};
  EXPECT_EQ(told({good_path(), other}), "");
}

}  // namespace
}  // namespace aoe::initiator
