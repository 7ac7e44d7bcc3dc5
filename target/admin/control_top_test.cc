#include "target/admin/control_top.h"

#include <gtest/gtest.h>

#include "target/admin/control.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

constexpr Mac reader{{2, 0, 0, 0, 0, 0xa}};
constexpr Mac writer{{2, 0, 0, 0, 0, 0xb}};

ClientReport client_report(Mac mac, std::uint64_t requests, std::uint64_t bytes) {
  ClientReport client;
  client.mac = mac;
  client.lun = {0, 2};
  client.requests = requests;
  client.bytes_read = bytes;
  return client;
}

TopSample top_sample(Instant time, std::uint64_t requests, std::uint64_t bytes) {
  TargetReport report;
  LunReport& lun = report.luns.emplace_back();
  lun.definition.address = {0, 2};
  lun.requests = requests;
  lun.bytes_read = bytes;
  lun.aoe_errors = requests / 10;
  lun.ata_errors = requests / 10;
  PortReport& port = report.ports.emplace_back();
  port.interface = "eth0";
  port.received = 2 * requests;
  ClientsReport clients;
  clients.clients = {client_report(reader, requests / 4, 0),
                     client_report(writer, requests / 2, bytes)};
  return {time, report_reply("", report), clients_reply(clients)};
}

TEST(ControlTop, ShowsWhatWasDoneInASecond) {
  const auto text =
      top_text(top_sample(Instant(10s), 1000, 0), top_sample(Instant(12s), 3000, 4'000'000), false);
  ASSERT_TRUE(text) << text.error();
  EXPECT_EQ(*text,
            "lun   requests/s  reads/s  writes/s  flushes/s  MB-read/s  MB-written/s  errors/s  "
            "dropped/s\n"
            "e0.2        1000        0         0          0        2.0           0.0       200  "
            "        0\n"
            "\n"
            "interface  received/s  sent/s  lost/s  unsent/s\n"
            "eth0             2000       0       0         0\n"
            "\n"
            "client             lun   requests/s  MB-read/s  MB-written/s  errors/s\n"
            "02:00:00:00:00:0b  e0.2         500        2.0           0.0         0\n"
            "02:00:00:00:00:0a  e0.2         250        0.0           0.0         0\n");
}

TEST(ControlTop, CountersThatBeganAgainCountFromThen) {
  const auto text =
      top_text(top_sample(Instant(10s), 1000, 0), top_sample(Instant(11s), 40, 0), true);
  ASSERT_TRUE(text) << text.error();
  EXPECT_NE(text->find(R"({"lun":"e0.2","requests":40.0,)"), std::string::npos) << *text;
  EXPECT_NE(text->find(R"("bytes_read":0.0)"), std::string::npos) << *text;
}

TEST(ControlTop, WhatIsNoReplyIsAnError) {
  TopSample bad = top_sample(Instant(10s), 0, 0);
  bad.stats = R"({"ok":true,"text":""})";
  EXPECT_EQ(top_text(bad, bad, false).error(), "the reply is not a target's");
  bad.stats = error_reply("no memory");
  EXPECT_EQ(top_text(bad, bad, false).error(), "no memory");
}

}  // namespace
}  // namespace aoe::target
