#include "harness/run/raw_exchange.h"

#include <gtest/gtest.h>

#include "harness/judge/pattern.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"
#include "proto/describe.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

const RawDefaults here{.initiator = client_mac, .target = {server_mac, disk}, .tag = 0x5c000001};

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
  EXPECT_EQ(summary(frame("command: 9")), "e1.1 unknown command 9 request, 60 bytes tag 5c000001");
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
  const auto differences = compare(reply.any[0], request, answer, here.disk_has_pattern);
  return differences.empty() ? "right" : describe(differences.front());
}

FrameBytes answer(const Body& body, Address address = disk, Mac to = client_mac) {
  return frame_of({to, server_mac, address, 0x5c000001}, body);
}

TEST(RawAnswer, FieldsOfTheHeaderAreJudgedWhereTheyAreNamed) {
  const AtaReply done{.status = ata::status_drdy};
  EXPECT_EQ(judged("answer", answer(done)), "right");
  EXPECT_EQ(judged("{shelf: 1}", answer(done, {65535, 1})), "shelf: expected 1, got any (65535)");
  EXPECT_EQ(judged("{slot: 1}", answer(done, {1, 255})), "slot: expected 1, got any (255)");
  EXPECT_EQ(judged("{command: ata}", answer(ConfigReply{})),
            "command: expected ata (0), got config (1)");
  EXPECT_EQ(judged("{flags: [response]}", frame("ata: {op: read-ext}")),
            "flags: expected response (0x8), got none (0x0)");
  FrameBytes other_version = answer(done);
  other_version[14] = 0x08;
  EXPECT_EQ(judged("{version: 1}", other_version), "version: expected 1, got 0");
  EXPECT_EQ(judged("answer", other_version), "right");
  EXPECT_EQ(judged("answer", FrameBytes(20)),
            "frame: expected a frame of 24 bytes or more, got 20");
}

TEST(RawAnswer, AFailureIsAnyStatusOfOne) {
  const auto status = [](std::uint8_t value) {
    return judged("{ata: {status: failed}}", answer(AtaReply{.status = value}));
  };
  EXPECT_EQ(status(0x41), "right");
  EXPECT_EQ(status(0x61), "right");
  EXPECT_EQ(status(0x40), "ata.status: expected one of BSY|DF|DRQ|ERR (0xa9), got DRDY (0x40)");
}

TEST(RawAnswer, WordsOfIdentifyAreJudged) {
  std::array<std::uint8_t, identify_size> block{};
  build_identify({.serial = "1", .firmware = "2", .model = "3", .sectors = 128, .lba48 = true},
                 block);
  const FrameBytes request = frame("ata: {op: identify}");
  const auto judged_block = [&](const std::string& expected) {
    return judged("{identify: {" + expected + "}}",
                  answer(AtaReply{.status = ata::status_drdy, .data = block}), request);
  };
  EXPECT_EQ(judged_block("texts: padded, checksum: right, words: [{word: 49, mask: 0x200, is: "
                         "0x200}, {word: 100, count: 4, is: 128}]"),
            "right");
  EXPECT_EQ(judged_block("words: [{word: 100, count: 4, is: 129}]"),
            "identify word 100: expected 0x81, got 0x80");
  block[2 * 27] = 0;
  EXPECT_EQ(judged_block("texts: padded"),
            "identify word 27: expected letters, padded with blanks, got 0x00");
  EXPECT_EQ(judged_block("checksum: right"),
            "identify checksum: expected all bytes to add up to 0, got 224");
  block[510] = 0;  // no signature
  EXPECT_EQ(judged_block("checksum: right"), "right");
  EXPECT_EQ(judged("{identify: {checksum: right}}", answer(AtaReply{}), request),
            "identify: expected a frame of 548 bytes or more, got 60");
}

TEST(RawAnswer, NoDataIsNoDataAtAll) {
  const FrameBytes sectors(sector_size, 0);
  EXPECT_EQ(judged("{ata: {data: none}}", answer(AtaReply{})), "right");
  EXPECT_EQ(judged("{ata: {data: none}}", answer(AtaReply{.data = sectors})),
            "ata.data: expected none, got 512 bytes");
}

TEST(RawAnswer, AListIsWholeWhereAllItCountsIsThere) {
  FrameBytes list = answer(MaskReply{});
  const FrameBytes request = frame("mask: {}");
  EXPECT_EQ(judged("{mask: {listed: whole}}", list, request), "right");
  list[27] = 5;
  EXPECT_EQ(judged("{mask: {listed: whole}}", list, request),
            "mask.list: expected a frame of 68 bytes or more, got 60");
}

TEST(RawAnswer, ItsFieldsAreJudged) {
  const AtaReply failed{.error = ata::error_idnf, .status = ata::status_drdy | ata::status_err};
  EXPECT_EQ(judged("ok", answer(failed)), "ata.status: expected DRDY (0x40), got DRDY|ERR (0x41)");
  EXPECT_EQ(judged("{ata: {status: error, error: idnf}}", answer(failed)), "right");
  EXPECT_EQ(judged("{ata: {status: error, error: abrt}}", answer(failed)),
            "ata.error: expected abrt (4), got idnf (16)");
  EXPECT_EQ(judged("bad-argument", answer(failed)),
            "error: expected bad-argument (2), got none (0)");
  const ErrorReply refused{0, ErrorCode::bad_argument};
  EXPECT_EQ(judged("bad-argument", answer(refused)), "right");
  EXPECT_EQ(judged("ok", answer(refused)), "error: expected none (0), got bad-argument (2)");
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
            fmt::format("ata.data: expected 0x{:02x} in byte 600 (lba 6), got 0x77", old));
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
            "reserve.list: expected an empty list, got 02:00:00:00:00:01 02:00:00:00:00:03");
  const FrameBytes config = answer(ConfigReply{.buffer_count = 16});
  EXPECT_EQ(judged("{config: {string: abc, buffers: 16}}", config, frame("config: {}")),
            "config.string: expected \"abc\" (3), got \"\" (0)");
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

TEST(RawExchange, WhatIsAnsweredOtherwiseTheSecondTimeIsNotSentAgain) {
  const auto failures = [](const std::string& request) {
    return Play(trial("- arm: {fault: drop, id: loss, match: {direction: to-initiator}, nth: 1}\n"
                      "- send: " +
                      request + "\n- expect: {reply: ok}\n"))
        .failures();
  };
  EXPECT_EQ(failures("{config: {}}"), "");
  EXPECT_EQ(failures("{ata: {op: write, lba: 1, data: pattern}}"), "");
  EXPECT_EQ(failures("{config: {op: set, string: ours}}"),
            "line 10: expected answer to #n (e1.1 config set \"ours\" (4) tag t): ok\n"
            "actual none after 8s");
  EXPECT_EQ(failures("{reserve: {op: set, macs: [\"02:00:00:00:00:09\"]}}"),
            "line 10: expected answer to #n (e1.1 reserve set, 1 addresses tag t): ok\n"
            "actual none after 8s");
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

TEST(RawExchange, AsManyAsTheTargetTakesAreSentAtOnce) {
  const Play play(
      trial("- config: {}\n"
            "- send: {ata: {op: read-ext, count: most}, repeat: buffers, tag: each}\n"
            "- expect: {replies: {count: buffers}}\n"));
  EXPECT_EQ(play.failures(), "");
  const Play unknown(trial("- send: {kind: read, repeat: buffers}\n"));
  EXPECT_EQ(unknown.failures(),
            "line 8: expected a config answer before this, to tell how many the target takes\n"
            "actual none");
}

TEST(RawExchange, CopiesThatHaveTagsWantAnAnswerEach) {
  const Play play(
      trial("- arm: {fault: duplicate, id: twice, match: {direction: to-initiator}, nth: 1}\n"
            "- arm: {fault: drop, id: lost, match: {direction: to-initiator}, nth: 2}\n"
            "- send: {kind: read, repeat: 3, tag: each}\n"
            "- expect: {replies: {count: 3}}\n"));
  EXPECT_EQ(play.failures(),
            "line 11: expected 3 answers to #n (e1.1 READ EXT lba 0+1 tag t)\n"
            "actual 3, not one to each tag");
}

TEST(RawExchange, FaultsOfACommandStrikeTheAnswerToOne) {
  const auto failures = [](const std::string& match) {
    return Play(trial("- arm: {fault: drop, id: loss, match: " + match +
                      "}\n- send: {ata: {op: read-ext, lba: 7}}\n- expect: {reply: silence}\n"))
        .failures();
  };
  EXPECT_EQ(failures("{direction: to-initiator, command: read}"), "");
  EXPECT_EQ(failures("{direction: to-initiator, command: read, lba: 7, count: 1}"), "");
  EXPECT_NE(failures("{direction: to-initiator, command: read, lba: 8}"), "");
  EXPECT_NE(failures("{direction: to-initiator, command: write}"), "");
}

TEST(RawExchange, ATargetThatIsNotThereIsNotAlive) {
  const Play play(
      trial("- alive: {}\n"
            "- arm: {fault: kill, id: gone}\n"
            "- alive: {within: 1s}\n"));
  EXPECT_EQ(play.failures(),
            "line 10: expected the target still answers\nactual no query was answered in 1s");
  const Play late(trial("- arm: {fault: kill, id: gone, restart-after: 1s}\n- alive: {}\n"));
  EXPECT_EQ(late.failures(), "");
}

TEST(RawExchange, ATargetThatTakesLongIsAlive) {
  const Play slow(
      trial("- arm: {fault: delay, id: far, by: 300ms, match: {direction: to-initiator}}\n"
            "- alive: {}\n"));
  EXPECT_EQ(slow.failures(), "");
}

TEST(RawExchange, AnAnnouncementIsHeardAndJudged) {
  const std::string restart = "- arm: {fault: kill, id: gone}\n- heal: gone\n";
  EXPECT_EQ(
      Play(trial(restart + "- expect: {announcement: {to: broadcast, version: 1}}\n")).failures(),
      "");
  EXPECT_EQ(
      Play(trial(restart + "- expect: {announcement: {version: 2}}\n")).failures(),
      "line 10: expected announcement: version 2\n"
      "actual version: expected 2, got 1 (#n: e1.1 config reply buffers 16 sectors 2 firmware "
      "0000 tag t)");
  EXPECT_EQ(
      Play(trial(restart + "- expect: {announcement: {to: \"02:00:00:00:00:09\"}}\n")).failures(),
      "line 10: expected announcement to 02:00:00:00:00:09\nactual another one (#n: e1.1 config "
      "reply buffers 16 sectors 2 firmware 0000 tag t)");
  EXPECT_EQ(Play(trial("- arm: {fault: mac-change, id: moved, mac: \"02:00:00:00:00:2a\"}\n"
                       "- expect: {announcement: {from: \"02:00:00:00:00:2a\"}}\n"))
                .failures(),
            "");
  EXPECT_EQ(Play(trial("- arm: {fault: mtu, id: larger, mtu: 9000, end: target}\n"
                       "- expect: {announcement: {from: \"02:00:00:00:00:2a\", within: 1s}}\n"))
                .failures(),
            "line 9: expected announcement from 02:00:00:00:00:2a\nactual another one (#n: e1.1 "
            "config reply buffers 16 sectors 17 firmware 0000 tag t)");
  EXPECT_EQ(Play(trial("- arm: {fault: partition, id: cut}\n" + restart +
                       "- expect: {announcement: {within: 1s}}\n"))
                .failures(),
            "line 11: expected announcement\nactual none in 1s");
}

TEST(RawExchange, TheStoreIsLookedInto) {
  const std::string write =
      "- send: {ata: {op: write-ext, lba: 5, data: \"a5\"}}\n"
      "- expect: {reply: ok}\n";
  EXPECT_EQ(Play(trial(write + "- expect: {store: {lba: 5, data: \"a5\"}}\n")).failures(), "");
  EXPECT_EQ(Play(trial(write + "- expect: {store: {lba: 5, data: \"a6\"}}\n")).failures(),
            "line 10: expected the store holds lba 5, 1 sector: a6\n"
            "actual byte 0 of lba 5 is 0xa5, not 0xa6");
  EXPECT_EQ(Play(trial(write + "- expect: {store: {lba: 5, data: \"a5\"}}\n"
                               "- send: {ata: {op: write-ext, lba: 5, data: \"77\"}}\n"
                               "- alive: {}\n"))
                .failures(),
            "line 0: expected the store holds what it was last seen to hold\n"
            "actual lba 5 has changed since");
  // What nobody spoke of must be as it was.
  EXPECT_NE(Play(trial(write)).failures(), "");
}

TEST(RawExchange, WhatIsNotAdvertisedIsNoFailure) {
  EXPECT_EQ(Play(trial("- advertised: [dma, lba48, flush, flush-ext, smart, power-management]\n"))
                .verdict.outcome,
            Outcome::passed);
  const Play mute(trial("- arm: {fault: partition, id: cut}\n- advertised: trim\n"));
  EXPECT_EQ(mute.failures(), "line 9: expected an answer to IDENTIFY DEVICE\nactual none");
}

TEST(RawExchange, EachOfSeveralLunsAnswers) {
  const std::string yaml =
      "scenario: two\ntitle: t\nroles: {target: {size: 64KiB, luns: 2}}\nsteps:\n"
      "- send: {kind: config, slot: any, destination: broadcast}\n"
      "- expect: {replies: {count: 2, from: ";
  EXPECT_EQ(Play(yaml + "[e1.2, e1.1]}}\n").failures(), "");
  EXPECT_EQ(Play(yaml + "[e1.1, e1.1]}}\n").failures(),
            "line 6: expected 2 answers to #n (e1.* config read tag t) from e1.1, e1.1\n"
            "actual 2 from e1.1, e1.2");
}

TEST(RawExchange, AnAnswerKeepsTheRulesThatTheScenarioCites) {
  const auto failures = [](const std::string& clauses) {
    return Play("scenario: rules\ntitle: t\nclause: [" + clauses +
                "]\nroles: {target: {size: 64KiB}, mutant: {end: target, behave: "
                "sets-a-reserved-flag}}\nsteps:\n- ask: {kind: config}\n")
        .failures();
  };
  EXPECT_EQ(failures("2/4"), "");
  EXPECT_EQ(failures("2/5"),
            "line 6: expected answer to #n (e1.1 config read tag t): any answer\n"
            "actual the reserved flags: expected 0, got 1 (2/5) (#n: e1.1 config reply buffers 16 "
            "sectors 2 firmware 0000 tag t)");
}

TEST(RawExchange, AnInitiatorWithoutAPartSaysNothing) {
  const std::string yaml =
      "scenario: alone\ntitle: t\nroles: {target: {size: 64KiB}}\nsteps:\n- ask: {kind: config}\n";
  const Play alone(yaml);
  EXPECT_EQ(alone.failures(), "");
  EXPECT_EQ(alone.ledger.size(), 3U);  // an announcement, the query and its answer
  const Play together(yaml + "- discover: {}\n");
  EXPECT_EQ(together.failures(), "");
  EXPECT_GT(together.ledger.size(), 5U);  // it identifies the disk
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
