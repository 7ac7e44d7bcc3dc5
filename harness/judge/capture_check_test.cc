#include "harness/judge/capture_check.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "harness/report/capture_report.h"
#include "harness/testing/test_words.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

constexpr Mac second_client{{2, 0, 0, 0, 0, 7}};
constexpr Mac second_server{{2, 0, 0, 0, 0, 8}};
constexpr Address second_disk{1, 2};

/// A capture in the making: a frame each 100 us.
class Wire {
 public:
  void frame(const FrameBytes& bytes, std::size_t original_size = 0) {
    check_.add({now_, bytes, original_size == 0 ? bytes.size() : original_size});
    now_ += microseconds(100);
  }
  void pass(Duration time) { now_ += time; }
  /// The program that captures says that it has lost so many.
  void loses(std::uint64_t frames) { check_.set_dropped(frames); }

  void asks(const Body& body, std::uint32_t tag) {
    frame(frame_of({to_, client_, address_, tag}, body));
  }
  void says(const Body& body, std::uint32_t tag) {
    frame(frame_of({client_, server_, address_, tag}, body));
  }
  void reads(std::uint64_t lba, std::uint32_t tag) { asks(read_command(lba), tag); }
  void done(std::uint64_t lba, std::uint32_t tag) {
    says(AtaReply{.status = ata::status_drdy, .lba = lba, .data = two_sectors_}, tag);
  }
  void advertises(std::uint16_t buffers, std::uint8_t sectors, std::uint32_t tag = 0xc0) {
    asks(ConfigRequest{}, tag);
    says(ConfigReply{.buffer_count = buffers, .sector_count = sectors}, tag);
  }
  /// Frames from here on are of these ends.
  Wire& between(const Mac& client, const Mac& server, Address address) {
    client_ = client;
    to_ = server_ = server;
    address_ = address;
    return *this;
  }
  Wire& to(const Mac& mac) {
    to_ = mac;
    return *this;
  }

  /// "3 bad-status", a line for each finding.
  std::string found() {
    finish();
    std::string lines;
    for (const Finding& finding : check_.findings().kept()) {
      lines += fmt::format("{}{} {}", lines.empty() ? "" : "\n", check_.number(finding.frame()),
                           finding.rule);
    }
    return lines;
  }
  /// What is said of the only one.
  std::string only() {
    finish();
    const auto& findings = check_.findings().kept();
    return findings.size() == 1 ? findings.front().actual : "not one: " + found();
  }
  /// The first one that breaks the rule.
  const Finding& first_of(const std::string& rule) {
    finish();
    const auto& findings = check_.findings().kept();
    const auto found = std::ranges::find(findings, rule, &Finding::rule);
    AOE_CHECK(found != findings.end());
    return *found;
  }
  const DeviceAccount& device(std::size_t i = 0) {
    finish();
    return check_.devices().at(i);
  }
  CaptureCheck& check() {
    finish();
    return check_;
  }

 private:
  void finish() {
    if (!finished_) check_.finish();
    finished_ = true;
  }

  CaptureCheck check_;
  Duration now_ = std::chrono::seconds(1000);
  Mac client_ = client_mac;
  Mac server_ = server_mac;
  Mac to_ = server_mac;
  Address address_ = disk;
  std::vector<std::uint8_t> two_sectors_ = std::vector<std::uint8_t>(2 * sector_size, 0x5a);
  bool finished_ = false;
};

/// A capture on a switched network holds nothing of what other hosts ask.
void expect_no_accusation(const Finding& finding) {
  EXPECT_EQ(level_of(finding), Level::info) << finding.rule;
  EXPECT_NE(finding.actual.find("unless another host"), std::string::npos) << finding.actual;
}

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
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

// What captures are like.

TEST(CaptureCheck, TwoAnsweredReadsOfOneSectorAreTwo) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 1);
  wire.done(0, 2);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.device().answered, 2U);
  EXPECT_EQ(wire.device().retransmitted, 0U);
}

TEST(CaptureCheck, WaitingRequestsAreCountedOnlyIfTheyDidWait) {
  Wire wire;
  wire.advertises(2, 2);
  wire.reads(0, 1);  // its answer was missed
  for (std::uint32_t tag = 2; tag <= 3; ++tag) wire.reads(2 * tag, tag);
  for (std::uint32_t tag = 2; tag <= 3; ++tag) wire.done(2 * tag, tag);
  EXPECT_EQ(wire.found(), "3 unanswered");
}

TEST(CaptureCheck, AnOldTagMayHaveBeenAnsweredUnseen) {
  Wire wire;
  wire.reads(0, 1);
  wire.done(0, 1);
  wire.reads(2, 2);
  wire.pass(std::chrono::seconds(1));
  wire.reads(4, 2);
  wire.done(4, 2);
  EXPECT_EQ(wire.found(), "3 unanswered");
}

TEST(CaptureCheck, WhatRestsOnMissedFramesIsLeftOut) {
  const auto ask = [](Wire& wire, ConfigCommand command, std::string_view string,
                      std::uint32_t tag) {
    wire.asks(ConfigRequest{command, bytes_of(string)}, tag);
    wire.says(ConfigReply{.command = command, .string = bytes_of(string)}, tag);
  };
  Wire wire;
  ask(wire, ConfigCommand::set, "abc", 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  wire.done(2, 3);  // its request was missed, and so was another's that sets the string
  ask(wire, ConfigCommand::read, "", 4);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.check().notes().without_request, 1U);
  EXPECT_EQ(wire.check().notes().left_out, 1U);
}

TEST(CaptureCheck, ACaptureThatLostFramesAccusesNobodyOfWhatTheyMayExplain) {
  std::array<std::uint8_t, identify_size> identity{};
  Identity eight_sectors;
  eight_sectors.sectors = 8;
  eight_sectors.lba48 = true;
  build_identify(eight_sectors, identity);
  const auto capture = [&](std::uint64_t lost) {
    Wire wire;
    wire.asks(AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device}, 1);
    wire.says(AtaReply{.status = ata::status_drdy, .data = identity}, 1);
    wire.reads(7, 2);  // the disk may have grown
    wire.done(7, 2);
    wire.advertises(4, 1);
    wire.reads(0, 3);  // more may have been advertised
    wire.done(0, 3);
    wire.done(0, 3);  // or it may have been asked again
    wire.loses(lost);
    return std::pair(wire.found(), wire.check().notes().left_out);
  };
  EXPECT_EQ(capture(0).first, "4 accepted\n7 sectors-exceeded\n8 accepted\n9 duplicate-answer");
  EXPECT_EQ(capture(1), std::pair(std::string(), std::uint64_t{4}));
}

TEST(CaptureCheck, OneDirectionIsSaidOnce) {
  Wire wire;
  for (std::uint32_t tag = 1; tag <= 20; ++tag) wire.reads(2 * tag, tag);
  EXPECT_EQ(wire.found(), "");
  EXPECT_TRUE(wire.check().notes().requests_only);
  EXPECT_EQ(wire.check().notes().without_answer, 20U);
}

FrameBytes tagged(FrameBytes bytes, std::uint8_t vlan) {
  const std::array<std::uint8_t, 4> tag{0x81, 0x00, 0x00, vlan};
  bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
  return bytes;
}

TEST(CaptureCheck, AVlanIsANetworkOfItsOwn) {
  Wire wire;
  wire.frame(tagged(request_frame(read_command(0), 1), 5));
  wire.frame(tagged(reply_frame(1), 6));
  EXPECT_EQ(wire.found(), "1 unanswered\n2 wrong-destination");
  EXPECT_EQ(wire.check().counts().tagged, 2U);
  EXPECT_EQ(wire.check().initiators(), (std::vector<Station>{{client_mac, 5}}));
}

TEST(CaptureCheck, OtherFramesAreCounted) {
  Wire wire;
  FrameBytes other = query_frame();
  other[12] = 0x08;
  wire.frame(other);
  wire.frame({1, 2, 3});
  wire.frame(query_frame());
  FrameBytes bad = query_frame();
  bad[15] = 1;
  wire.frame(bad);
  EXPECT_EQ(wire.found(), "4 error-byte\n4 retransmitted");
  EXPECT_EQ(wire.check().counts().frames, 4U);
  EXPECT_EQ(wire.check().counts().aoe, 2U);
}

TEST(CaptureCheck, WhatTheCaptureCutIsJudgedAsFarAsItGoes) {
  Wire wire;
  FrameBytes read = request_frame(read_command(0), 1);
  FrameBytes reply = reply_frame(1);
  const std::size_t whole = reply.size();
  wire.frame(read);
  reply.resize(68);
  wire.frame(reply, whole);
  FrameBytes write = request_frame(write_command(0), 2);
  write.resize(68);
  write[34] = 1;
  wire.frame(write, whole);
  reply.resize(40);
  wire.frame(reply, whole);
  EXPECT_EQ(wire.found(), "")
      << "the last one is too short to be judged, and nothing ended after it";
  EXPECT_EQ(wire.check().counts().cut, 3U);
  EXPECT_EQ(wire.check().counts().unjudged, 1U);
  EXPECT_EQ(wire.device().answered, 1U);
}

TEST(CaptureCheck, ALadderTellsWhatBecameOfEachFrame) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  std::string lines;
  for (const LadderLine& line : wire.check().ladder())
    lines += fmt::format("{} {}: {}\n", line.frame, line.what, line.fate);
  EXPECT_EQ(lines,
            "1 e1.1 READ EXT lba 0+2 tag 00000001: no answer\n"
            "2 e1.1 READ EXT lba 0+2 tag 00000002: repeats 1, answered by 3\n"
            "3 e1.1 ATA reply ok lba 0 left 0 tag 00000002: answers 2 after 100us\n");
}

TEST(CaptureReport, TellsSoManyOfAKind) {
  Wire wire;
  for (std::uint32_t tag = 1; tag <= 5; ++tag) {
    wire.asks(read_command(0, 0), tag);
    wire.says(ErrorReply{0, ErrorCode::bad_argument}, tag);
  }
  CaptureReportOptions options{.file = "x.pcap", .findings_shown = 2};
  const std::string line =
      "e1.1 READ EXT lba 0+0 tag 0000000{}: READ EXT of 0 sectors [zero-count, AoEr11 §3.1/40]\n";
  EXPECT_EQ(findings_text(wire.check(), options),
            "x.pcap: frame 1 at 0.000000 s: must: " + fmt::format(fmt::runtime(line), 1) +
                "x.pcap: frame 3 at 0.000200 s: must: " + fmt::format(fmt::runtime(line), 2) +
                "x.pcap: 3 more of zero-count (--limit 0 shows all)\n");
  options.findings_shown = 0;
  const std::string all = findings_text(wire.check(), options);
  EXPECT_EQ(std::ranges::count(all, '\n'), 5);
}

TEST(CaptureCheck, KeepsTheFirstFindingsOfARuleAndCountsAll) {
  CaptureCheck check({.folder = {}, .findings_kept = 2});
  std::vector<std::uint64_t> seen;
  check.watch([&](const Finding& finding) { seen.push_back(check.number(finding.frame())); });
  for (std::uint32_t tag = 1; tag <= 5; ++tag) {
    const FrameBytes bytes = frame_of({server_mac, client_mac, disk, tag}, read_command(tag, 0));
    check.add({microseconds(tag), bytes, bytes.size()});
  }
  check.finish();
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 1, 2})) << "zero-count, then unanswered";
  EXPECT_EQ(check.findings().kept().size(), 4U);
  EXPECT_EQ(count_findings(check, Level::must).at(find_rule("zero-count")), 5U);
}

TEST(CaptureReport, LeavesOutWhatIsBelowALevel) {
  Wire wire;
  wire.reads(0, 1);
  wire.reads(0, 2);
  wire.done(0, 2);
  EXPECT_EQ(count_findings(wire.check(), Level::info).size(), 1U);
  EXPECT_TRUE(count_findings(wire.check(), Level::should).empty());
  const std::string text = summary_text(wire.check(), {.file = "x.pcap", .level = Level::should});
  EXPECT_NE(text.find("\nnothing found\n"), std::string::npos) << text;
}

TEST(RoundTrips, PercentilesAreTimesThatWereSeen) {
  RoundTrips times;
  EXPECT_EQ(times.percentile(50), Duration{});
  for (int i = 200; i >= 1; --i) times.add(Duration(i));
  EXPECT_EQ(times.min(), Duration(1));
  EXPECT_EQ(times.percentile(0), Duration(1));
  EXPECT_EQ(times.percentile(50), Duration(100));
  EXPECT_EQ(times.percentile(99), Duration(198));
  EXPECT_EQ(times.percentile(100), Duration(200));
}

TEST(RoundTrips, ManyAreExactToAFewPercent) {
  RoundTrips times;
  for (std::size_t i = 1; i <= 10 * RoundTrips::exact_max; ++i) times.add(microseconds(i));
  EXPECT_EQ(times.count(), 10 * RoundTrips::exact_max);
  EXPECT_EQ(times.min(), microseconds(1));
  EXPECT_EQ(times.percentile(100), microseconds(10 * RoundTrips::exact_max));
  const double median = std::chrono::duration<double>(times.percentile(50)).count();
  EXPECT_NEAR(median, 0.05, 0.05 * 0.016);
}

}  // namespace
}  // namespace aoe::harness
