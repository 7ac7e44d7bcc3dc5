#include "target/service/report.h"

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

TargetReport report() {
  TargetReport report;
  report.version = "0.1.0";
  report.uptime = 26h + 3min + 4s;
  LunReport disk;
  disk.definition.address = {0, 2};
  disk.definition.store.path = "/srv/disk.img";
  disk.store = "mapped";
  disk.sectors = 131072;
  disk.requests = 1200;
  disk.reads = 700;
  disk.writes = 450;
  disk.flushes = 3;
  disk.trims = 2;
  disk.bytes_read = 5'734'400;
  disk.bytes_written = 1'000;
  disk.aoe_errors = 1;
  disk.ata_errors = 2;
  disk.delayed = 9;
  disk.dropped_limit = 8;
  disk.dropped_busy = 4;
  disk.dropped_memory = 7;
  disk.dropped_port = 5;
  disk.foreign_answers = 6;
  disk.silences[static_cast<std::size_t>(Silence::source_masked)] = 7;
  disk.silences[static_cast<std::size_t>(Silence::config_mismatch)] = 1;
  for (int i = 0; i < 99; ++i) disk.latency.add(100us);
  disk.latency.add(10s);
  disk.latency.add(10s);
  LunReport remote;
  remote.definition.address = {65534, 254};
  remote.definition.store.path = "nbd://host/\x1b[31m";
  remote.store = "nbd";
  remote.definition.store.read_only = true;
  remote.definition.interfaces = {"eth0", "br*"};
  remote.state.mask = {{{2, 0, 0, 0, 0, 1}}};
  remote.state.reserved = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
  report.luns = {disk, remote};
  PortReport port;
  port.interface = "eth0";
  port.mac = {{2, 0, 0, 10, 11, 12}};
  port.mtu = 9000;
  port.up = true;
  port.received = 1234567;
  port.sent = 1234000;
  port.receive_dropped = 5;
  port.send_dropped = 6;
  port.responses = 8;
  port.not_addressed = 9;
  port.rejects[static_cast<std::size_t>(Rule::frame_too_short)] = 2;
  port.rejects[static_cast<std::size_t>(Rule::unknown_command)] = 3;
  report.ports = {port};
  return report;
}

TEST(Report, StatusIsWhatThereIs) {
  EXPECT_EQ(status_table(report()), R"(aoe-target 0.1.0, up 1d 02:03:04

lun         store   access      interfaces     size      mask  reserved  path
e0.2        mapped  read-write  all         0.067GB  everyone  everyone  /srv/disk.img
e65534.254  nbd     read-only   eth0,br*    0.000GB         1         2  nbd://host/\x1b[31m

interface  mac                state   mtu  received     sent  dropped
eth0       02:00:00:0a:0b:0c  up     9000   1234567  1234000       11
)");
}

TEST(Report, StatusWarnsOfAnotherTargetAtTheSameAddress) {
  const std::string before = status_table(report());
  TargetReport with_another = report();
  with_another.luns[0].other_target = Mac{{2, 0, 0, 0, 0, 9}};
  EXPECT_EQ(status_table(with_another),
            before + "\ne0.2: warning: another target is at this address: 02:00:00:00:00:09\n");
}

TEST(Report, StatusSaysWhatStandsBy) {
  const std::string before = status_table(report());
  TargetReport with_standby = report();
  LunDefinition lun;
  lun.address = {0, 3};
  lun.store.path = "/srv/disk\n.img";
  with_standby.standby = {lun};
  EXPECT_EQ(status_table(with_standby), before + "\ne0.3: stands by: /srv/disk\\x0a.img\n");
}

TEST(Report, StatusSaysWhatHasLimits) {
  const std::string before = status_table(report());
  TargetReport with_limits = report();
  with_limits.luns[0].definition.limits.iops = 5000;
  with_limits.luns[1].definition.limits = {.iops = 10, .bytes_per_second = 50'000'000};
  EXPECT_EQ(status_table(with_limits),
            before +
                "\ne0.2: limited to 5000 operations per second\n"
                "e65534.254: limited to 10 operations and 50.0 MB per second\n");
}

TEST(Report, StatsAreWhatItDid) {
  EXPECT_EQ(stats_table(report()),
            "aoe-target 0.1.0, up 1d 02:03:04\n\n"
            "lun         requests  reads  writes  flushes  trims  MB-read  MB-written  errors"
            "  delayed  over-limit  busy  no-memory  no-port  foreign      p50    p99"
            "  not answered\n"
            "e0.2            1200    700     450        3      2      5.7         0.0       3"
            "        9           8     4          7        5        6  <=128us  >4.2s"
            "  7 masked source, 1 config mismatch\n"
            "e65534.254         0      0       0        0      0      0.0         0.0       0"
            "        0           0     0          0        0        0        -      -"
            "  -\n\n"
            "interface  received     sent  lost  unsent  responses  others  rejected  reasons\n"
            "eth0        1234567  1234000     5       6          8       9         5"
            "  2 frame too short, 3 unknown command\n");
}

TEST(Report, AnEmptyTargetHasTheHeadsOfItsTables) {
  TargetReport empty;
  empty.version = "0.1.0";
  empty.uptime = 59s + 999ms;
  EXPECT_EQ(status_table(empty),
            "aoe-target 0.1.0, up 00:00:59\n\n"
            "lun  store  access  interfaces  size  mask  reserved  path\n\n"
            "interface  mac  state  mtu  received  sent  dropped\n");
}

TEST(Report, EachSilenceHasItsWords) {
  std::set<std::string_view> words;
  for (int i = 0; i < silence_count; ++i) words.insert(text(static_cast<Silence>(i)));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(silence_count));
}

TEST(Report, BytesAreShownAsPrintableText) {
  EXPECT_EQ(escaped("a b~\\"), "a b~\\\\");
  EXPECT_EQ(escaped(std::string_view("\0\n\x7f\xff", 4)), "\\x00\\x0a\\x7f\\xff");
}

TEST(Report, InterfacesThatAreNotThereAreNamed) {
  TargetReport with_absent = report();
  const std::string before = status_table(with_absent);
  with_absent.absent = {"eth9: no such interface yet", "wan*: matches no interface yet"};
  EXPECT_TRUE(status_table(with_absent)
                  .find("\neth9: no such interface yet\nwan*: matches no interface yet\n") !=
              std::string::npos);
  EXPECT_EQ(before.find("no such interface"), std::string::npos);
}

TEST(Report, CountersSinceThenAreADifference) {
  const LunCounters before = report().luns.front();
  LunCounters now = before;
  now.subtract(before);
  EXPECT_EQ(now, LunCounters());
  now = before;
  now.requests += 5;
  ++now.silences.back();
  now.latency.add(3us);
  now.subtract(before);
  EXPECT_EQ(now.requests, 5U);
  EXPECT_EQ(now.writes, 0U);
  EXPECT_EQ(now.silences.back(), 1U);
  EXPECT_EQ(now.latency.count(), 1U);
  EXPECT_EQ(now.latency.sum, Duration(3us));
  EdgeCounters edge;
  edge.rejects.back() = 7;
  EdgeCounters later = edge;
  ++later.rejects.back();
  ++later.responses;
  later.subtract(edge);
  EXPECT_EQ(later.rejects.back(), 1U);
  EXPECT_EQ(later.responses, 1U);
}

}  // namespace
}  // namespace aoe::target
