#include "harness/run/raw_exchange.h"

#include <gtest/gtest.h>

#include "harness/data/pattern.h"
#include "harness/test_words.h"
#include "proto/describe.h"

namespace aoe::harness {
namespace {

const RawDefaults here{client_mac, server_mac, disk, 0x5c000001, true};

/// The frame of a `send` step.
FrameBytes frame(const std::string& fields) {
  const auto scenario = parse_scenario(
      "scenario: s\ntitle: t\nroles: {target: {}}\nsteps:\n- send: {" + fields + "}\n", "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return scenario ? encode(std::get<SendStep>(scenario->steps[0].what).frame, here) : FrameBytes{};
}

std::string summary(const FrameBytes& frame) {
  std::array<char, description_size_max> room;
  return std::string(aoe::describe(Bytes(frame), room));
}

// The codec is the second opinion on what a well-behaved frame is.

TEST(RawFrame, AWellBehavedOneIsWhatTheCodecMakes) {
  const Header header{server_mac, client_mac, disk, 0x5c000001};
  EXPECT_EQ(frame("ata: {op: read-ext, lba: 0x123456789ab, count: 2}"),
            frame_of(header, read_command(0x123456789ab)));
  EXPECT_EQ(
      frame("ata: {op: read, lba: 0xabcdef1}"),
      frame_of(header,
               AtaRequest{.sectors = 1, .opcode = ata::Opcode::read_sectors, .lba = 0xabcdef1}));
  EXPECT_EQ(frame("ata: {op: flush-ext}"), frame_of(header, flush_command()));
  EXPECT_EQ(frame("ata: {op: write-ext, lba: 7, count: 2, data: \"5a\"}"),
            frame_of(header, write_command(7)));
  const std::string abc = "abc";
  EXPECT_EQ(
      frame("config: {op: set, string: abc}"),
      frame_of(header, ConfigRequest{ConfigCommand::set,
                                     {reinterpret_cast<const std::uint8_t*>(abc.data()), 3}}));
  FrameBytes room(64);
  EXPECT_EQ(frame("mask: {op: edit, directives: [{op: add, mac: \"02:00:00:00:00:03\"}]}"),
            frame_of(header, MaskRequest{MaskCommand::edit,
                                         pack(std::array{Directive{1, other_mac}}, room)}));
  EXPECT_EQ(frame("reserve: {op: force-set, macs: [\"02:00:00:00:00:03\"]}"),
            frame_of(header,
                     ReserveRequest{ReserveCommand::force_set, pack(std::array{other_mac}, room)}));
}

TEST(RawFrame, AnythingCanBeWrongWithOne) {
  EXPECT_EQ(summary(frame("command: 9")),
            "e1.1 bad command 9 request, 60 bytes: unknown command (offset 19: have 9, need "
            "3) tag 5c000001");
  EXPECT_EQ(
      summary(frame("config: {}, version: 2")),
      "e1.1 bad config request, 60 bytes: unsupported version (offset 14: have 2, need 1) tag "
      "5c000001");
  EXPECT_EQ(
      summary(frame("config: {op: set, string: abc, length: 40}")),
      "e1.1 bad config request, 60 bytes: config string beyond the frame (offset 30: have 28, "
      "need 40) tag 5c000001");
  EXPECT_EQ(summary(frame("ata: {op: write, count: 2}, truncate: 1000")),
            "e1.1 bad ATA request, 1000 bytes: write data beyond the frame (offset 36: have 964, "
            "need 1024) tag 5c000001");
  EXPECT_EQ(
      summary(frame("mask: {op: edit, count: 255}")),
      "e1.1 bad mask request, 60 bytes: mask directives beyond the frame (offset 27: have 32, "
      "need 2040) tag 5c000001");
  EXPECT_EQ(frame("bytes: \"01 02\"").size(), 2U);
  EXPECT_EQ(frame("config: {}, pad: 1056").size(), 1056U);
  EXPECT_EQ(frame("to: initiator, config: {}")[14], 0x18);
}

/// What is wrong with an answer to a read of two sectors.
std::string judged(const std::string& expected, const FrameBytes& answer,
                   const FrameBytes& request = frame("ata: {op: read-ext, count: 2}")) {
  const auto scenario = parse_scenario(
      "scenario: s\ntitle: t\nroles: {target: {}}\nsteps:\n- send: {config: {}}\n"
      "- expect: {reply: " +
          expected + "}\n",
      "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  if (!scenario) return {};
  const auto& reply = *std::get<ExpectStep>(scenario->steps[1].what).reply;
  return mismatch(reply.any[0], request, answer, here).value_or("right");
}

FrameBytes answer(const Body& body, Address address = disk, Mac to = client_mac) {
  return frame_of({to, server_mac, address, 0x5c000001}, body);
}

TEST(RawAnswer, EveryAnswerIsTheTargetsOwn) {
  const AtaReply done{.status = ata::status_drdy};
  EXPECT_EQ(judged("{}", answer(done)), "right");
  EXPECT_EQ(judged("{}", answer(done, {65535, 1})), "shelf: expected 1, got 65535");
  EXPECT_EQ(judged("{}", answer(done, {1, 255})), "slot: expected 1, got 255");
  EXPECT_EQ(judged("{}", answer(done, disk, other_mac)),
            "destination: expected 02:00:00:00:00:01, got 02:00:00:00:00:03");
  EXPECT_EQ(judged("{}", answer(ConfigReply{})), "command: expected 0, got 1");
  EXPECT_EQ(judged("{}", frame("ata: {op: read-ext}")), "flags: expected R set, got R clear");
  FrameBytes other_version = answer(done);
  other_version[14] = 0x08;
  EXPECT_EQ(judged("{}", other_version), "version: expected 1, got 0");
  EXPECT_EQ(judged("{version: 0}", other_version), "right");
  EXPECT_EQ(judged("{}", FrameBytes(20)), "frame: expected a frame of 24 bytes or more, got 20");
}

TEST(RawAnswer, ItsFieldsAreJudged) {
  const AtaReply failed{.error = ata::error_idnf, .status = ata::status_drdy | ata::status_err};
  EXPECT_EQ(judged("ok", answer(failed)), "ata.status: expected DRDY (0x40), got DRDY|ERR (0x41)");
  EXPECT_EQ(judged("{ata: {status: error, error: idnf}}", answer(failed)), "right");
  EXPECT_EQ(judged("{ata: {status: error, error: abrt}}", answer(failed)),
            "ata.error: expected 4, got 16");
  EXPECT_EQ(judged("bad-argument", answer(failed)),
            "error: expected 2 (bad argument parameter), got none");
  const ErrorReply refused{0, ErrorCode::bad_argument};
  EXPECT_EQ(judged("bad-argument", answer(refused)), "right");
  EXPECT_EQ(judged("ok", answer(refused)), "error: expected none, got 2 (bad argument parameter)");
  EXPECT_EQ(judged("{size: 61}", answer(refused)), "size: expected 61 or more, got 60");
}

TEST(RawAnswer, DataIsComparedByteForByte) {
  FrameBytes sectors(2 * sector_size);
  fill_pattern(5, 0, sectors);
  const FrameBytes request = frame("ata: {op: read-ext, lba: 5, count: 2}");
  const AtaReply done{.status = ata::status_drdy, .data = sectors};
  EXPECT_EQ(judged("{ata: {data: pattern}}", answer(done), request), "right");
  const std::uint8_t old = std::exchange(sectors[600], std::uint8_t{0x77});
  EXPECT_EQ(judged("{ata: {data: pattern}}", answer(done), request),
            fmt::format("ata.data byte 600 (lba 6): expected 0x{:02x}, got 0x77", old));
  EXPECT_EQ(judged("{ata: {data: zero}}", answer({AtaReply{.status = ata::status_drdy}})),
            "ata.data: expected a frame of 1060 bytes or more, got 60");
}

TEST(RawAnswer, ListsAndStringsAreTold) {
  FrameBytes room(64);
  const FrameBytes list =
      answer(ReserveReply{ReserveCommand::read, pack(std::array{other_mac, client_mac}, room)});
  const FrameBytes request = frame("reserve: {}");
  EXPECT_EQ(
      judged("{reserve: {macs: [\"02:00:00:00:00:01\", \"02:00:00:00:00:03\"]}}", list, request),
      "right");
  EXPECT_EQ(judged("{reserve: {macs: []}}", list, request),
            "list: expected an empty list, got 02:00:00:00:00:01 02:00:00:00:00:03");
  const FrameBytes config = answer(ConfigReply{.buffer_count = 16});
  EXPECT_EQ(judged("{config: {string: abc, buffers: 16}}", config, frame("config: {}")),
            "config.string: expected \"abc\", got \"\"");
  EXPECT_EQ(judged("{config: {buffers: 17}}", config, frame("config: {}")),
            "config.buffers: expected 17 or more, got 16");
}

TEST(RawExchange, AnswersAndSilenceAreTold) {
  const Play play(
      trial("- send: {id: far, ata: {op: read-ext, lba: 128}}\n"
            "- expect: {reply: {of: far, ata: {status: error, error: idnf}}}\n"
            "- send: {config: {op: test, string: nothing-like-it}}\n"
            "- expect: {reply: silence}\n"
            "- send: {config: {}, repeat: 3}\n"
            "- expect: {replies: {count: 3}}\n"
            "- config: {op: set, string: abc}\n"
            "- config: {op: set, string: other, expect: config-string-present}\n"
            "- config: {expect: {config: {string: abc}}}\n"
            "- identify: {shelf: any, slot: any}\n"));
  EXPECT_EQ(play.failures(), "");
}

TEST(RawExchange, WhatIsNotAsExpectedIsToldWithItsFrames) {
  const auto failures = [](const std::string& step) {
    return Play(trial("- send: {id: q, ata: {op: read-ext, lba: 128}}\n- expect: " + step + "\n"))
        .failures();
  };
  const std::string to = "line 9: expected answer to #n (e1.1 READ EXT lba 128+1 tag t): ";
  EXPECT_EQ(failures("{reply: ok}"),
            to + "ok\nactual ata.status: expected DRDY (0x40), got DRDY|ERR (0x41) (#n: e1.1 ATA "
                 "reply status 41 error 10 lba 128 left 1 tag t)");
  EXPECT_EQ(failures("{reply: silence}"),
            to + "silence\nactual an answer (#n: e1.1 ATA reply status 41 error 10 lba 128 left 1 "
                 "tag t)");
  EXPECT_EQ(failures("{replies: {count: 2}}"),
            "line 9: expected 2 answers to #n (e1.1 READ EXT lba 128+1 tag t)\nactual 1");
  const Play mute(trial("- arm: {fault: partition, id: cut}\n- config: {}\n"));
  EXPECT_EQ(mute.failures(),
            "line 9: expected answer to #n (e1.1 config read tag t): ok\nactual none after 8s");
}

TEST(RawExchange, AFrameMayComeFromTheTargetsSide) {
  // An answer that nobody asked for is the initiator's to bear, and no target's fault.
  const Play play(
      trial("- send: {to: initiator, ata: {op: 0x40}, tag: 0x80000001}\n"
            "- expect: {reply: silence}\n"
            "- io: {id: r, op: read}\n"
            "- expect: {io: {id: r, result: ok}}\n"));
  EXPECT_EQ(play.failures(), "");
}

}  // namespace
}  // namespace aoe::harness
