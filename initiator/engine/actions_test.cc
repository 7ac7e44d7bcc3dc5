#include "initiator/engine/actions.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

constexpr Address asked{7, 3};
constexpr Mac mac{{2, 0, 0, 0, 0, 1}};

TEST(Actions, EveryKindOfIoHasAText) {
  EXPECT_EQ(text(IoKind::read), "read");
  EXPECT_EQ(text(IoKind::write), "write");
  EXPECT_EQ(text(IoKind::flush), "flush");
  EXPECT_EQ(text(IoKind::trim), "trim");
}

TEST(Actions, ACompletionSaysWhyItFailed) {
  EXPECT_EQ(describe(Completion{}), "ok");
  EXPECT_EQ(describe(Completion{.error = IoError::no_such_device}), "no such device");
  EXPECT_EQ(describe(Completion{.error = IoError::device_down}), "device is down");
  EXPECT_EQ(describe(Completion{.error = IoError::invalid}), "not whole sectors");
  EXPECT_EQ(describe(Completion{.error = IoError::out_of_range}), "beyond the last sector");
  EXPECT_EQ(describe(Completion{.error = IoError::cancelled}), "cancelled");
  EXPECT_EQ(describe(Completion{.error = IoError::unsupported}), "not supported by the disk");
  EXPECT_EQ(
      describe(Completion{.error = IoError::ata_error, .ata_status = 0x41, .ata_error = 0x04}),
      "ATA error: status 41, error 04");
  EXPECT_EQ(
      describe(Completion{.error = IoError::aoe_error, .aoe_error = ErrorCode::target_reserved}),
      "AoE error: target is reserved");
  EXPECT_EQ(describe(Completion{.error = IoError::aoe_error, .aoe_error = ErrorCode{99}}),
            "AoE error: unknown error");
}

TEST(Actions, EveryKindOfEventHasItsText) {
  using Kind = Event::Kind;
  for (const auto& [kind, name] : {std::pair(Kind::config_answer, "config answer"),
                                   {Kind::device_up, "device up"},
                                   {Kind::device_down, "device down"},
                                   {Kind::device_forgotten, "device forgotten"},
                                   {Kind::device_refused, "device refused"},
                                   {Kind::device_resized, "device resized"},
                                   {Kind::disk_replaced, "disk replaced"},
                                   {Kind::identify_failed, "identify failed"},
                                   {Kind::retransmission, "retransmission"},
                                   {Kind::late_answer, "late answer"},
                                   {Kind::duplicate_answer, "duplicate answer"},
                                   {Kind::unexpected_answer, "unexpected answer"},
                                   {Kind::wrong_address, "wrong address"},
                                   {Kind::unknown_source, "unknown source"},
                                   {Kind::bad_answer, "bad answer"}}) {
    EXPECT_EQ(text(kind), name);
  }
}

TEST(Actions, AnEventIsOneLine) {
  using Kind = Event::Kind;
  Event event{.kind = Kind::config_answer,
              .device = asked,
              .mac = mac,
              .tag = 0x80000a3c,
              .old_tag = 0x80000a11,
              .attempt = 3,
              .sectors = 1000};
  event.config.buffer_count = 16;
  event.config.sector_count = 2;
  event.reject = {Rule::read_data_short, 36, 512, 1024};
  const auto line = [&event](Kind kind) {
    event.kind = kind;
    return describe(event);
  };
  EXPECT_EQ(line(Kind::config_answer),
            "e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2");
  EXPECT_EQ(line(Kind::device_up), "e7.3 is up: 1000 sectors");
  EXPECT_EQ(line(Kind::device_down), "e7.3 is down");
  EXPECT_EQ(line(Kind::device_resized), "e7.3 has 1000 sectors now");
  EXPECT_EQ(line(Kind::disk_replaced),
            "e7.3 is another disk than before, at 02:00:00:00:00:01: serial \"\", 1000 sectors");
  EXPECT_EQ(line(Kind::retransmission), "e7.3 retransmission 2: tag 80000a3c replaces 80000a11");
  EXPECT_EQ(line(Kind::late_answer), "e7.3 late answer to tag 80000a3c");
  EXPECT_EQ(line(Kind::duplicate_answer), "e7.3 duplicate answer to tag 80000a3c");
  EXPECT_EQ(line(Kind::unexpected_answer),
            "e7.3 unexpected answer from 02:00:00:00:00:01, tag 80000a3c");
  EXPECT_EQ(line(Kind::bad_answer),
            "bad answer: read data shorter than asked for (offset 36: have 512, need 1024)");
  EXPECT_EQ(line(Kind::identify_failed),
            "e7.3 could not be identified: read data shorter than asked for (offset 36: have "
            "512, need 1024)");
  event.result = {.error = IoError::aoe_error, .aoe_error = ErrorCode::device_unavailable};
  EXPECT_EQ(line(Kind::identify_failed),
            "e7.3 could not be identified: AoE error: device unavailable");
}

}  // namespace
}  // namespace aoe::initiator
