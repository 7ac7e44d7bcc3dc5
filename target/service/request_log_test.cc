#include "target/service/request_log.h"

#include <gtest/gtest.h>

#include "target/testing/test_words.h"

namespace aoe::target {
namespace {

using namespace std::chrono_literals;

class RequestLogTest : public ::testing::Test {
 protected:
  void ask() {
    const auto frame = decode(request);
    log.request(now, *frame);
  }

  const std::vector<std::uint8_t> request = request_frame(ConfigRequest{});
  Instant now{1h};
  RequestLog log{now};
};

TEST_F(RequestLogTest, SaysWhoAsksAndWhatBecomesOfIt) {
  ask();
  log.unanswered(now + 1ms, client_mac, "silent: masked source");
  const auto found = log.lines_from(0, now + 1s);
  ASSERT_EQ(found.lines.size(), 2U);
  EXPECT_TRUE(found.lines[0].text.starts_with("02:00:00:00:00:0c > ")) << found.lines[0].text;
  EXPECT_NE(found.lines[0].text.find("config read"), std::string::npos) << found.lines[0].text;
  EXPECT_EQ(found.lines[1].text, "02:00:00:00:00:0c - silent: masked source");
  EXPECT_EQ(found.lines[1].time, now + 1ms);
  EXPECT_EQ(found.next, 2U);
  EXPECT_EQ(found.missed, 0U);
  EXPECT_EQ(log.asked(), now + 1s);
  EXPECT_TRUE(log.lines_from(2, now).lines.empty());
}

TEST_F(RequestLogTest, AReplyNeedsNoData) {
  const AtaReply reply{{}, 0, 0, ata::status_drdy, 7, {}};
  std::vector<std::uint8_t> frame(60);
  encode({client_mac, target_mac, own_address, tag}, reply, frame);
  log.reply(now, Bytes(frame).first(36));
  const auto found = log.lines_from(0, now);
  ASSERT_EQ(found.lines.size(), 1U);
  EXPECT_TRUE(found.lines[0].text.starts_with("02:00:00:00:00:0c < ")) << found.lines[0].text;
  EXPECT_NE(found.lines[0].text.find("ATA reply ok lba 7"), std::string::npos);
}

TEST_F(RequestLogTest, WhatIsTooMuchIsCounted) {
  constexpr std::uint64_t all = 10 * RequestLog::per_interval_max;
  for (std::uint64_t i = 0; i < all; ++i) ask();
  const auto found = log.lines_from(0, now);
  EXPECT_EQ(found.lines.size(), RequestLog::per_interval_max);
  EXPECT_EQ(found.missed, all - RequestLog::per_interval_max);
  EXPECT_EQ(found.next, all);
  now += RequestLog::interval;
  ask();
  EXPECT_EQ(log.lines_from(all, now).lines.size(), 1U) << "and goes on";
}

TEST_F(RequestLogTest, OldLinesMakeWay) {
  constexpr std::uint64_t all = RequestLog::lines_max + 10;
  for (std::uint64_t i = 0; i < all; ++i, now += RequestLog::interval) ask();
  const auto found = log.lines_from(5, now);
  EXPECT_EQ(found.lines.size(), RequestLog::lines_max);
  EXPECT_EQ(found.missed, 5U);
}

}  // namespace
}  // namespace aoe::target
