#include "initiator/mount/debug_text.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using std::chrono::microseconds;

TEST(DebugText, HasALineOrTwoForEachTargetAndPath) {
  const PathStatus good{.interface = "eth0",
                        .mac = {{2, 0, 0, 0xab, 0, 1}},
                        .mtu = 9000,
                        .payload = 8704,
                        .standing = "member",
                        .serial = "A 1",
                        .disk_sectors = 2048,
                        .buffers = 100,
                        .sectors = 17,
                        .window = 32,
                        .window_max = 64,
                        .threshold = 48,
                        .outstanding = 3,
                        .round_trip = microseconds(94),
                        .deviation = microseconds(21),
                        .retransmit_timeout = microseconds(1500)};
  PathStatus narrow = good;
  narrow.interface = "eth1";
  narrow.payload = 1024;
  narrow.suspect = true;
  const PathStatus foreign{.interface = "eth1",
                           .mac = {{2, 0, 0, 0xab, 0, 2}},
                           .suspect = true,
                           .standing = "foreign",
                           .window = 1,
                           .window_max = 16,
                           .threshold = 16};
  DeviceStatus device;
  device.opens = 2;
  device.payload = 1024;
  device.paths = {good, narrow, foreign};
  EXPECT_EQ(debug_text(device),
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
            "\trto:1500\n"
            "\tbuffers:100\n"
            "\taccepts:17\n"
            "\tsize:2048\n"
            "\tserial:A 1\n"
            "\teth0 sectors:17 taint:0 mtu:9000\n"
            "\teth1 sectors:2 taint:1 mtu:9000\n"
            "020000ab0002:0:1:16\n"
            "\tssthresh:16\n"
            "\ttaint:1\n"
            "\teth1\n"
            "\tstanding:foreign\n"
            "\trttavg:0\n"
            "\trttdev:0\n"
            "\trto:0\n"
            "\tbuffers:0\n"
            "\taccepts:0\n"
            "\tsize:0\n"
            "\tserial:\n"
            "\teth1 sectors:0 taint:1 mtu:0\n");
}

TEST(DebugText, OfADeviceThatNothingLeadsToNamesNoTarget) {
  EXPECT_EQ(debug_text({}), "rttavg: 0 rttdev: 0\nmaxbcnt: 0\nref: 0\n");
}

}  // namespace
}  // namespace aoe::initiator
