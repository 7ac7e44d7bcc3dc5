#include "harness/judge/capture_check.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/testing/test_capture.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

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
  wire.frame(tagged(request_frame(read_command(2), 2), 6));
  wire.frame(tagged(request_frame(read_command(4), 2), 5));
  wire.frame(tagged(reply_frame(2, 4), 5));
  wire.frame(tagged(reply_frame(2, 2), 6));
  EXPECT_EQ(wire.found(), "") << "a switch may have one VLAN for each direction";
  EXPECT_EQ(wire.check().counts().tagged, 6U);
  EXPECT_EQ(wire.check().initiators(), (std::vector<Station>{{client_mac, 5}, {client_mac, 6}}));
  Wire other;
  other.frame(tagged(request_frame(read_command(0), 1), 5));
  FrameBytes reply = reply_frame(1);
  reply[5] = 9;
  other.frame(tagged(reply, 6));
  EXPECT_EQ(other.found(), "1 unanswered\n2 wrong-destination");
}

TEST(CaptureCheck, AMirrorPortMayTagOneDirectionOnly) {
  Wire wire;
  wire.frame(tagged(query_frame(), 7));
  wire.says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  wire.frame(tagged(request_frame(read_command(0), 5), 7));
  wire.frame(reply_frame(5));
  EXPECT_EQ(wire.found(), "");
  Wire source;
  source.frame(tagged(request_frame(read_command(0), 5), 7));
  source.between(client_mac, other_mac, disk).done(0, 5);
  EXPECT_EQ(source.found(), "2 wrong-source");
}

TEST(CaptureCheck, ADeviceMayAnswerAtSeveralAddresses) {
  Wire wire;
  wire.frame(query_frame());
  for (const Mac& server : {server_mac, second_server})
    wire.between(client_mac, server, disk)
        .says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  wire.between(client_mac, server_mac, disk).reads(0, 2);
  wire.between(client_mac, second_server, disk).done(0, 2);
  EXPECT_EQ(wire.found(), "");
  EXPECT_EQ(wire.check().notes().other_sources, 1U);
  Wire another;
  another.frame(query_frame());
  another.between(client_mac, second_server, second_disk)
      .says(ConfigReply{.buffer_count = 4, .sector_count = 2}, 1);
  another.between(client_mac, server_mac, disk).reads(0, 2);
  another.between(client_mac, second_server, disk).done(0, 2);
  EXPECT_EQ(another.found(), "4 wrong-source") << "there it answers for another device";
}

TEST(CaptureCheck, ARequestIsJudgedByWhatWasAdvertisedWhenItWasSent) {
  Wire wire;
  wire.advertises(4, 2);
  wire.reads(0, 1);
  wire.frame(frame_of({Mac::broadcast(), server_mac, disk, 0},
                      ConfigReply{.buffer_count = 4, .sector_count = 1}));
  wire.done(0, 1);
  EXPECT_EQ(wire.found(), "");
  Wire after;
  after.advertises(4, 2);
  after.frame(frame_of({Mac::broadcast(), server_mac, disk, 0},
                       ConfigReply{.buffer_count = 4, .sector_count = 1}));
  after.reads(0, 1);
  after.done(0, 1);
  EXPECT_EQ(after.found(), "4 sectors-exceeded\n5 accepted");
}

TEST(CaptureCheck, AStringIsNotKnownWhileAnySetWaits) {
  const auto set = [](Wire& wire, std::string_view string, std::uint32_t tag) {
    wire.asks(ConfigRequest{ConfigCommand::force_set, bytes_of(string)}, tag);
  };
  const auto told = [](Wire& wire, std::string_view string, std::uint32_t tag) {
    wire.says(ConfigReply{.command = ConfigCommand::force_set, .string = bytes_of(string)}, tag);
  };
  for (const bool in_order : {true, false}) {
    Wire wire;
    set(wire, "a", 1);
    told(wire, "a", 1);
    set(wire, "b", 2);
    set(wire, "c", 3);
    in_order ? told(wire, "b", 2) : told(wire, "c", 3);
    in_order ? told(wire, "c", 3) : told(wire, "b", 2);
    wire.asks(ConfigRequest{}, 4);
    wire.says(ConfigReply{.string = bytes_of("d")}, 4);
    EXPECT_EQ(wire.found(), "8 config-changed") << "by then none waits";
  }
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

}  // namespace
}  // namespace aoe::harness
