#include "initiator/cli/debug_paths.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using std::chrono::microseconds;

TEST(DebugPaths, AreThoseOfEachTarget) {
  constexpr std::string_view text =
      "rttavg: 94 rttdev: 21\n"
      "maxbcnt: 1024\n"
      "ref: 2\n"
      "020000ab0001:3:32:64\n"
      "\tssthresh:48\n"
      "\ttaint:0\n"
      "\teth0,eth1\n"
      "\tstanding:member\n"
      "\trttavg:94\n"
      "\trttdev:21\n"
      "\trto:2000\n"
      "\tbuffers:64\n"
      "\taccepts:17\n"
      "\tsize:2048\n"
      "\tserial:a: b 1\n"
      "\teth0 sectors:17 taint:0 mtu:9000\n"
      "\teth1 sectors:2 taint:1 mtu:1500\n"
      "020000ab0002:0:1:16\n"
      "\tstanding:foreign\n"
      "\teth1 sectors:0 taint:1 mtu:1500\n";
  const auto paths = parse_debug_paths(text);
  ASSERT_EQ(paths.size(), 3U);
  EXPECT_EQ(paths[0].interface, "eth0");
  EXPECT_EQ(paths[0].mac, (Mac{{2, 0, 0, 0xab, 0, 1}}));
  EXPECT_EQ(paths[0].mtu, 9000);
  EXPECT_FALSE(paths[0].suspect);
  EXPECT_EQ(paths[0].payload, 17 * sector_size);
  EXPECT_EQ(paths[0].standing, "member");
  EXPECT_EQ(paths[0].serial, "a: b 1");
  EXPECT_EQ(paths[0].disk_sectors, 2048U);
  EXPECT_EQ(paths[0].buffers, 64);
  EXPECT_EQ(paths[0].sectors, 17);
  EXPECT_EQ(paths[0].outstanding, 3);
  EXPECT_EQ(paths[0].window, 32);
  EXPECT_EQ(paths[0].window_max, 64);
  EXPECT_EQ(paths[0].threshold, 48);
  EXPECT_EQ(paths[0].round_trip, microseconds(94));
  EXPECT_EQ(paths[0].deviation, microseconds(21));
  EXPECT_EQ(paths[0].retransmit_timeout, microseconds(2000));
  EXPECT_EQ(paths[1].interface, "eth1");
  EXPECT_EQ(paths[1].payload, 2 * sector_size);
  EXPECT_TRUE(paths[1].suspect);
  EXPECT_EQ(paths[1].threshold, 48) << "of the same target";
  EXPECT_TRUE(paths[2].is_foreign());
  EXPECT_EQ(paths[2].mac, (Mac{{2, 0, 0, 0xab, 0, 2}}));
  EXPECT_EQ(paths[2].threshold, 0) << "not of the target before it";
}

TEST(DebugPaths, OfAnyTextAreWhatItSays) {
  for (const char* text :
       {"", "\n", "\t", "\t\n", "\tx", "\tserial", "x:y:z", ":::", "\tsize:many\n"}) {
    EXPECT_TRUE(parse_debug_paths(text).empty()) << text;
  }
  const auto paths = parse_debug_paths("zz:1\n\teth0 sectors: taint mtu:lots :");
  ASSERT_EQ(paths.size(), 1U);
  EXPECT_EQ(paths[0].interface, "eth0");
  EXPECT_EQ(paths[0].mac, Mac{});
  EXPECT_EQ(paths[0].payload, 0U);
}

}  // namespace
}  // namespace aoe::initiator
