#include "harness/judge/capture_check.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/testing/test_capture.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

/// A capture on a switched network holds nothing of what other hosts ask.
void expect_no_accusation(const Finding& finding) {
  EXPECT_EQ(level_of(finding), Level::info) << finding.rule;
  EXPECT_NE(finding.actual.find("unless another host"), std::string::npos) << finding.actual;
}

// Requests and answers.

TEST(CaptureCheck, AnExchangeWithoutFaultIsNoFinding) {
  Wire wire;
  wire.advertises(2, 2);
  wire.reads(0, 1);
  wire.done(0, 1);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.device().requests, 2U);
  EXPECT_EQ(wire.device().answered, 2U);
  EXPECT_EQ(wire.device().round_trips.count(), 2U);
  EXPECT_EQ(wire.device().round_trips.percentile(100), microseconds(100));
}

TEST(CaptureCheck, ALostRequestIsSentAgainWithANewTag) {
  Wire wire;
  wire.reads(0, 1);
  wire.pass(std::chrono::milliseconds(100));
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(wire.only(), "e1.1 READ EXT lba 0+2 tag 00000002 again after 100ms, with a new tag");
  EXPECT_EQ(wire.device().retransmitted, 1U);
  EXPECT_EQ(wire.device().unanswered, 0U);
}

TEST(CaptureCheck, OrWithTheSameOne) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 1);
  wire.done(0, 1);
  wire.done(0, 1);
  EXPECT_EQ(wire.only(), "e1.1 READ EXT lba 0+2 tag 00000001 again after 100us, with the same tag");
  EXPECT_EQ(wire.device().round_trips.count(), 0U) << "nobody knows which was answered";
}

TEST(CaptureCheck, TheSameQuestionAfterItsAnswerIsANewOne) {
  Wire wire;
  wire.reads(0, 1);
  wire.done(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(wire.found(), "");
}

TEST(CaptureCheck, SomeHaveOneTagForAllQueries) {
  Wire wire;
  wire.advertises(2, 2, 0);
  wire.advertises(2, 2, 0);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.device().round_trips.count(), 2U);
}

TEST(CaptureCheck, WhatIsNeverAnsweredIsTold) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(2, 2);
  wire.done(2, 2);
  wire.reads(4, 3);
  wire.done(4, 3);
  EXPECT_EQ(wire.found(), "1 unanswered");
  EXPECT_EQ(wire.device().unanswered, 1U);
}

TEST(CaptureCheck, ButNotWhatTheCaptureEndsTooSoonFor) {
  Wire wire;
  wire.reads(0, 1);
  wire.done(0, 1);
  wire.reads(2, 2);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.device().pending, 1U);
}

TEST(CaptureCheck, AnAnswerTooManyIsTold) {
  Wire wire;
  wire.reads(0, 1);
  wire.done(0, 1);
  wire.done(0, 1);
  EXPECT_EQ(wire.only(),
            "e1.1 ATA reply ok lba 0 left 0 tag 00000001 is answer 2 to what was asked once");
}

TEST(CaptureCheck, ADiscoveryIsAnsweredByAll) {
  Wire wire;
  wire.frame(query_frame());
  for (const Mac& server : {server_mac, second_server})
    wire.between(client_mac, server, disk)
        .says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.check().devices().size(), 2U);
  Wire twice;
  twice.frame(query_frame());
  twice.says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  twice.says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  EXPECT_EQ(twice.found(), "3 duplicate-answer");
  Wire nobody;
  nobody.frame(query_frame());
  nobody.pass(std::chrono::seconds(5));
  nobody.frame(query_frame());
  EXPECT_EQ(nobody.found(), "2 retransmitted") << "the same tag again";
}

TEST(CaptureCheck, AnAnnouncementAnswersNobody) {
  Wire wire;
  wire.frame(frame_of({Mac::broadcast(), server_mac, disk, 0},
                      ConfigReply{.buffer_count = 4, .sector_count = 2}));
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.device().announcements, 1U);
}

TEST(CaptureCheck, AReplyBelongsToARequest) {
  Wire unasked;
  unasked.reads(0, 1);
  unasked.done(0, 9);
  EXPECT_EQ(unasked.found(), "1 unanswered\n2 unasked-reply");
  EXPECT_EQ(unasked.check().findings().kept().back().actual,
            "e1.1 ATA reply ok lba 0 left 0 tag 00000009 has a tag that no request of "
            "02:00:00:00:00:01 has");
  Wire command;
  command.asks(MaskRequest{}, 1);
  command.says(ReserveReply{}, 1);
  EXPECT_EQ(command.found(), "1 unanswered\n2 wrong-command");
  Wire address;
  address.reads(0, 1);
  address.between(client_mac, server_mac, second_disk).done(0, 1);
  EXPECT_EQ(address.found(), "1 unanswered\n2 wrong-address");
  Wire destination;
  destination.reads(0, 1);
  destination.between(other_mac, server_mac, disk).done(0, 1);
  EXPECT_EQ(destination.found(), "1 unanswered\n2 wrong-destination");
  Wire source;
  source.reads(0, 1);
  source.between(client_mac, other_mac, disk).done(0, 1);
  EXPECT_EQ(source.only(),
            "e1.1 ATA reply ok lba 0 left 0 tag 00000001 comes from 02:00:00:00:00:03, "
            "02:00:00:00:00:02 was asked");
}

TEST(CaptureCheck, AReplyThatCannotBeReadIsNoAnswer) {
  Wire wire;
  wire.reads(0, 1);
  FrameBytes reply = reply_frame(1);
  reply[14] = 0x38;
  wire.frame(reply);
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(wire.found(), "2 unsupported-version\n3 retransmitted");
}

TEST(CaptureCheck, SeveralInitiatorsMayHaveTheSameTags) {
  Wire wire;
  wire.between(client_mac, server_mac, disk).reads(0, 1);
  wire.between(second_client, server_mac, disk).reads(0, 1);
  wire.between(client_mac, server_mac, disk).done(0, 1);
  wire.between(second_client, server_mac, disk).done(0, 1);
  wire.between(client_mac, second_server, second_disk).reads(0, 2);
  wire.between(client_mac, second_server, second_disk).done(0, 2);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.check().initiators().size(), 2U);
  EXPECT_EQ(wire.device(0).answered, 2U);
  EXPECT_EQ(wire.device(1).answered, 1U);
}

TEST(CaptureCheck, ATagInFlightIsOneRequests) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(2, 1);
  wire.done(2, 1);
  EXPECT_EQ(wire.found(), "1 unanswered\n2 tag-in-use");
}

// What a target advertises.

TEST(CaptureCheck, NoMoreIsOutstandingThanThereAreBuffers) {
  Wire wire;
  wire.advertises(2, 2);
  for (std::uint32_t tag = 1; tag <= 3; ++tag) wire.reads(2 * tag, tag);
  for (std::uint32_t tag = 1; tag <= 3; ++tag) wire.done(2 * tag, tag);
  EXPECT_EQ(wire.only(),
            "e1.1 READ EXT lba 6+2 tag 00000003 makes 3 unanswered requests, e1.1 has 2 buffers");
  EXPECT_EQ(wire.device().outstanding, 3U);
}

TEST(CaptureCheck, ARetransmissionTakesThePlaceOfWhatItRepeats) {
  Wire wire;
  wire.advertises(1, 2);
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(wire.found(), "4 retransmitted");
}

TEST(CaptureCheck, WhatWasGivenUpIsNotWaitedForForEver) {
  Wire wire;
  wire.advertises(1, 2);
  wire.reads(0, 1);
  wire.pass(std::chrono::minutes(2));
  wire.reads(2, 2);
  wire.done(2, 2);
  EXPECT_EQ(wire.found(), "3 unanswered");
}

TEST(CaptureCheck, NoMoreSectorsAreAskedForThanAdvertised) {
  Wire wire;
  wire.advertises(2, 2);
  wire.asks(read_command(0, 3), 1);
  wire.says(AtaReply{.error = ata::error_abrt, .status = 0x41}, 1);
  EXPECT_EQ(wire.only(), "e1.1 READ EXT lba 0+3 tag 00000001 asks for 3 sectors, 2 may be");
  EXPECT_EQ(wire.device().errors.at("ATA status 41 error 04"), 1U);
  Wire old;
  old.advertises(2, 0);
  old.reads(0, 1);
  old.done(0, 1);
  EXPECT_EQ(old.found(), "") << "0 stands for 2";
}

// What a target accepts.

TEST(CaptureCheck, AWrongRequestIsRefused) {
  Wire wire;
  FrameBytes query = frame_of({server_mac, client_mac, disk, 1}, ConfigRequest{});
  query[14] = 0x20;
  wire.frame(query);
  wire.says(ConfigReply{.buffer_count = 2, .sector_count = 2}, 1);
  EXPECT_EQ(wire.found(), "1 unsupported-version\n2 accepted");
  EXPECT_EQ(wire.check().findings().kept().back().actual,
            "e1.1 config reply buffers 2 sectors 2 firmware 0000 tag 00000001 to what is to be "
            "refused with error 5 (unsupported version): unsupported version (offset 14: have 2, "
            "need 1)");
  Wire refused;
  refused.frame(query);
  refused.says(ErrorReply{1, ErrorCode::unsupported_version}, 1);
  EXPECT_EQ(refused.found(), "1 unsupported-version");
  Wire otherwise;
  otherwise.frame(query);
  otherwise.says(ErrorReply{1, ErrorCode::bad_argument}, 1);
  EXPECT_EQ(otherwise.found(), "1 unsupported-version\n2 wrong-error");
}

TEST(CaptureCheck, AnAnswerInAVersionThatThereIsNotAcceptsIt) {
  FrameBytes query = frame_of({server_mac, client_mac, disk, 1}, ConfigRequest{});
  FrameBytes reply = frame_of({client_mac, server_mac, disk, 1}, ConfigReply{});
  query[14] = 0x70;
  reply[14] = 0x78;
  Wire wire;
  wire.frame(query);
  wire.frame(reply);
  EXPECT_EQ(wire.found(), "1 unsupported-version\n2 unsupported-version\n2 accepted");
  reply[14] = 0x7c;
  reply[15] = 5;
  Wire refused;
  refused.frame(query);
  refused.frame(reply);
  EXPECT_EQ(refused.found(), "1 unsupported-version\n1 unanswered\n2 unsupported-version");
}

TEST(CaptureCheck, AStringThatIsTooLongMayBeMetBySilence) {
  FrameBytes set = frame_of({server_mac, client_mac, disk, 1},
                            ConfigRequest{ConfigCommand::force_set, bytes_of("x")});
  set[30] = 1;
  Wire wire;
  wire.frame(set);
  EXPECT_EQ(wire.found(), "1 malformed");
}

TEST(CaptureCheck, ACountOfNoneIsNoSuccess) {
  Wire wire;
  wire.asks(read_command(0, 0), 1);
  wire.says(AtaReply{.status = ata::status_drdy}, 1);
  EXPECT_EQ(wire.found(), "1 zero-count\n2 accepted");
}

TEST(CaptureCheck, ThereIsNothingBeyondTheLastSector) {
  std::array<std::uint8_t, identify_size> identity{};
  Identity eight_sectors;
  eight_sectors.sectors = 8;
  eight_sectors.lba48 = true;
  build_identify(eight_sectors, identity);
  Wire wire;
  wire.asks(AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device}, 1);
  wire.says(AtaReply{.status = ata::status_drdy, .data = identity}, 1);
  wire.reads(6, 2);
  wire.done(6, 2);
  wire.reads(7, 3);
  wire.done(7, 3);
  EXPECT_EQ(wire.only(),
            "e1.1 ATA reply ok lba 7 left 0 tag 00000003 to lba 7+2, beyond the 8 sectors there "
            "are");
  EXPECT_EQ(wire.device().capacity, 8U);
}

TEST(CaptureCheck, AReadBringsAllOfItsData) {
  Wire wire;
  wire.reads(0, 1);
  const std::vector<std::uint8_t> one_sector(sector_size);
  wire.says(AtaReply{.sectors_left = 1, .status = ata::status_drdy, .data = one_sector}, 1);
  EXPECT_EQ(wire.found(), "2 sectors-left\n2 short-data");
}

TEST(CaptureCheck, AnErrorFitsItsRequest) {
  for (const auto& [code, found] : std::vector<std::pair<ErrorCode, std::string>>{
           {ErrorCode::unrecognized_command, "2 wrong-error"},
           {ErrorCode::bad_argument, ""},
           {ErrorCode::device_unavailable, ""},
           {ErrorCode::config_string_present, "2 wrong-error"},
           {ErrorCode::unsupported_version, "2 wrong-error"},
           {ErrorCode::target_reserved, ""}}) {
    Wire wire;
    wire.reads(0, 1);
    wire.says(ErrorReply{0, code}, 1);
    EXPECT_EQ(wire.found(), found) << static_cast<int>(code);
  }
}

// What a target keeps.

TEST(CaptureCheck, AConfigStringIsWhatWasSet) {
  const auto ask = [](Wire& wire, ConfigCommand command, std::string_view string,
                      std::string_view told, std::uint32_t tag) {
    wire.asks(ConfigRequest{command, bytes_of(string)}, tag);
    wire.says(
        ConfigReply{
            .buffer_count = 2, .sector_count = 2, .command = command, .string = bytes_of(told)},
        tag);
  };
  Wire good;
  ask(good, ConfigCommand::set, "abc", "abc", 1);
  ask(good, ConfigCommand::test, "abc", "abc", 2);
  ask(good, ConfigCommand::prefix, "ab", "abc", 3);
  ask(good, ConfigCommand::read, "", "abc", 4);
  good.asks(ConfigRequest{ConfigCommand::test, bytes_of("x")}, 5);
  good.pass(std::chrono::seconds(1));
  ask(good, ConfigCommand::force_set, "x", "x", 6);
  EXPECT_EQ(good.found(), "") << "a failed test is silence";
  Wire bad;
  ask(bad, ConfigCommand::set, "abc", "ab", 1);
  ask(bad, ConfigCommand::test, "abc", "ab", 2);
  ask(bad, ConfigCommand::prefix, "b", "ab", 3);
  EXPECT_EQ(bad.found(), "2 config-answer\n4 config-answer\n6 config-answer");
  Wire lost;
  ask(lost, ConfigCommand::set, "abc", "abc", 1);
  ask(lost, ConfigCommand::read, "", "", 2);
  EXPECT_EQ(lost.found(), "4 config-changed");
  expect_no_accusation(lost.first_of("config-changed"));
}

TEST(CaptureCheck, AMaskListIsSilenceForOthers) {
  std::array<std::uint8_t, 8> room;
  const std::array<Directive, 1> others{Directive{1, other_mac}};
  const DirectiveList list = pack(others, room);
  Wire wire;
  wire.asks(MaskRequest{MaskCommand::edit, list}, 1);
  wire.says(MaskReply{.command = MaskCommand::edit, .list = list}, 1);
  wire.reads(0, 2);
  wire.pass(std::chrono::seconds(1));
  wire.reads(2, 3);
  wire.done(2, 3);
  EXPECT_EQ(wire.found(), "5 masked-answer") << "and silence is no finding";
  expect_no_accusation(wire.first_of("masked-answer"));
}

TEST(CaptureCheck, AReservationKeepsOthersOut) {
  std::array<std::uint8_t, 6> room;
  const std::array<Mac, 1> others{other_mac};
  const MacList list = pack(others, room);
  Wire wire;
  wire.asks(ReserveRequest{ReserveCommand::set, list}, 1);
  wire.says(ReserveReply{ReserveCommand::set, list}, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  wire.asks(AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device}, 3);
  wire.says(ErrorReply{0, ErrorCode::target_reserved}, 3);
  EXPECT_EQ(wire.found(), "4 reservation-ignored\n6 wrong-error");
  expect_no_accusation(wire.first_of("reservation-ignored"));
}

}  // namespace
}  // namespace aoe::harness
