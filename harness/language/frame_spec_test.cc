#include "harness/language/frame_spec.h"

#include <gtest/gtest.h>

#include "harness/language/scenario.h"

namespace aoe::harness {
namespace {

std::string with_step(const std::string& step) {
  return "scenario: s\ntitle: t\nclause: []\nroles: {target: {}}\nsteps:\n- send: {config: "
         "{}}\n- " +
         step + "\n";
}

std::string complaint(const std::string& step) {
  const auto scenario = parse_scenario(with_step(step), "x.yaml");
  return scenario ? "none" : scenario.error();
}

template <class Kind>
Kind step(const std::string& yaml) {
  const auto scenario = parse_scenario(with_step(yaml), "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return scenario ? std::get<Kind>(scenario->steps.back().what) : Kind{};
}

TEST(FrameSpec, WhatIsNotSpeltIsAsAWellBehavedPeerWouldHaveIt) {
  const FrameSpec frame = step<SendStep>("send: {ata: {op: read-ext}}").frame;
  EXPECT_EQ(frame.direction, Direction::to_target);
  EXPECT_EQ(frame.version, 1);
  EXPECT_FALSE(frame.flags);
  EXPECT_FALSE(frame.tag);
  EXPECT_EQ(frame.command, 0);
  EXPECT_EQ(frame.pad, 60U);
  const auto& ata = std::get<AtaFields>(frame.arg);
  EXPECT_EQ(ata.opcode, 0x24);
  EXPECT_EQ(ata.count, 1);
  EXPECT_FALSE(ata.flags);
}

TEST(FrameSpec, EveryFieldCanBeSpelt) {
  const FrameSpec frame =
      step<SendStep>(
          "send: {id: a, to: initiator, destination: broadcast, source: \"02:00:00:00:00:09\", "
          "version: 15, flags: [response, error], error: bad-argument, shelf: any, slot: any, "
          "command: 240, tag: 0xffffffff, config: {op: 9, string: abc, length: 7, buffers: 1, "
          "firmware: 2, sectors: 3, version: 4}, truncate: 30, repeat: 5}")
          .frame;
  EXPECT_EQ(frame.id, "a");
  EXPECT_EQ(frame.direction, Direction::to_initiator);
  EXPECT_EQ(frame.destination, Mac::broadcast());
  EXPECT_EQ(frame.source, (Mac{{2, 0, 0, 0, 0, 9}}));
  EXPECT_EQ(frame.version, 15);
  EXPECT_EQ(frame.flags, flag_response | flag_error);
  EXPECT_EQ(frame.error, 2);
  EXPECT_EQ(frame.shelf, Address::any_shelf);
  EXPECT_EQ(frame.slot, Address::any_slot);
  EXPECT_EQ(frame.command, 240);
  EXPECT_EQ(frame.tag, 0xffffffffU);
  EXPECT_EQ(frame.truncate, 30U);
  EXPECT_EQ(frame.pad, 0U);
  EXPECT_EQ(frame.repeat, 5U);
  const auto& config = std::get<ConfigFields>(frame.arg);
  EXPECT_EQ(config.command, 9);
  EXPECT_EQ(config.string, "abc");
  EXPECT_EQ(config.length, 7);

  const auto mask = std::get<MaskFields>(
      step<SendStep>("send: {mask: {op: edit, count: 9, directives: [{op: add, mac: broadcast}]}}")
          .frame.arg);
  EXPECT_EQ(mask.command, 1);
  EXPECT_EQ(mask.count, 9);
  EXPECT_EQ(mask.directives, (std::vector<Directive>{{1, Mac::broadcast()}}));
  const auto reserve = std::get<ReserveFields>(
      step<SendStep>("send: {reserve: {op: set, macs: \"02:00:00:00:00:09\"}}").frame.arg);
  EXPECT_EQ(reserve.macs, (std::vector<Mac>{{{2, 0, 0, 0, 0, 9}}}));
  EXPECT_EQ(step<SendStep>("send: {bytes: \"ffff 0a\"}").frame.bytes,
            (std::vector<std::uint8_t>{0xff, 0xff, 0x0a}));
}

TEST(FrameSpec, AnswersAreWordsListsOrFields) {
  const auto reply = [](const std::string& yaml) {
    return describe(*step<ExpectStep>("expect: {reply: " + yaml + "}").reply);
  };
  EXPECT_EQ(reply("ok"), "ok");
  EXPECT_EQ(reply("silence"), "silence");
  EXPECT_EQ(reply("bad-argument"), "error bad-argument");
  EXPECT_EQ(reply("{error: 9}"), "error 9");
  EXPECT_EQ(reply("[bad-argument, {ata: {status: error, error: abrt}}, silence]"),
            "error bad-argument; or status error, ata error abrt; or silence");
  EXPECT_EQ(reply("{any: [ok, silence], within: 1s}"), "ok; or silence");
  EXPECT_EQ(reply("{config: {string: abc, buffers: 2}, size: 60}"),
            "size 60, buffers 2, string \"abc\"");
  EXPECT_EQ(reply("{mask: {macs: []}}"), "an empty list");
  EXPECT_EQ(reply("answer"), "any answer");
  EXPECT_EQ(reply("{ata: {status: failed, data: none}}"), "status failed, data none");
  EXPECT_EQ(reply("{identify: {texts: padded, checksum: right, words: [{word: 60, count: 2, is: "
                  "9}]}}"),
            "words 60-61 is 9, texts padded, checksum right");
  EXPECT_EQ(reply("{mask: {listed: whole}}"), "the whole list");
  EXPECT_EQ(reply("{config: {hex: \"61 62\"}}"), "string \"ab\"");
  EXPECT_EQ(reply("{config: {hex: \"61 00ff\"}}"), "string \"a\\x00\\xff\"");
  EXPECT_EQ(reply("{ata: {data: \"a5\", count: 0}}"), "count 0, data a5");
}

TEST(FrameSpec, AddressesMayBeARange) {
  const auto mask =
      std::get<MaskFields>(step<SendStep>("send: {mask: {op: edit, directives: [{op: add, mac: "
                                          "\"02:00:00:00:00:fe..02:00:00:00:01:01\"}]}}")
                               .frame.arg);
  EXPECT_EQ(mask.directives, (std::vector<Directive>{{1, {{2, 0, 0, 0, 0, 0xfe}}},
                                                     {1, {{2, 0, 0, 0, 0, 0xff}}},
                                                     {1, {{2, 0, 0, 0, 1, 0}}},
                                                     {1, {{2, 0, 0, 0, 1, 1}}}}));
}

TEST(FrameSpec, WhatTheTargetTakesMayBeLeftToIt) {
  const FrameSpec frame =
      step<SendStep>("send: {ata: {op: read, count: most}, repeat: buffers, tag: each}").frame;
  EXPECT_TRUE(std::get<AtaFields>(frame.arg).most);
  EXPECT_TRUE(frame.repeat_buffers);
  EXPECT_TRUE(frame.tag_each);
}

TEST(FrameSpec, AQuestionIsThePlainestOfItsKind) {
  const Query read = step<QueryStep>("ask: {kind: read, slot: any}").query;
  EXPECT_EQ(read.request.command, 0);
  EXPECT_EQ(std::get<AtaFields>(read.request.arg).opcode, 0x24);
  EXPECT_EQ(read.request.slot, Address::any_slot);
  EXPECT_EQ(describe(read.reply), "any answer");
  EXPECT_EQ(step<QueryStep>("ask: {kind: unknown-command}").query.request.command, 9);
  EXPECT_EQ(step<SendStep>("send: {kind: mask}").frame.command, 2);
}

TEST(FrameSpec, WhatElseIsAwaitedIsToldInWords) {
  const auto announcement = [](const std::string& yaml) {
    return describe(*step<ExpectStep>("expect: {announcement: " + yaml + "}").announcement);
  };
  EXPECT_EQ(announcement("{}"), "announcement");
  EXPECT_EQ(announcement("{to: broadcast, version: 1}"),
            "announcement to ff:ff:ff:ff:ff:ff: version 1");
  EXPECT_EQ(describe(*step<ExpectStep>("expect: {store: {lba: 7, count: 2, data: zero}}").store),
            "lba 7, 2 sectors: zero");
  EXPECT_EQ(step<AdvertisedStep>("advertised: trim").features, std::vector{Feature::trim});
  EXPECT_EQ(step<AliveStep>("alive: {within: 2s}").within, std::chrono::seconds(2));
}

TEST(FrameSpec, QueriesAreShortForExchanges) {
  const Query set =
      step<QueryStep>("config: {op: set, string: abc, expect: config-string-present}").query;
  EXPECT_EQ(set.request.command, 1);
  EXPECT_EQ(std::get<ConfigFields>(set.request.arg).string, "abc");
  EXPECT_EQ(describe(set.reply), "error config-string-present");
  const Query identify = step<QueryStep>("identify: {}").query;
  EXPECT_EQ(std::get<AtaFields>(identify.request.arg).opcode, 0xec);
  EXPECT_EQ(describe(identify.reply), "ok");
}

TEST(FrameSpec, MistakesAreNamed) {
  const std::string at = "x.yaml:7:";
  EXPECT_EQ(complaint("send: {}"),
            at + "9: send: expected ata, config, mask, reserve, a kind, a command, or bytes");
  EXPECT_EQ(complaint("send: {ata: {op: red}}"),
            at + "20: ata: op: expected check-power-mode, flush, flush-ext, identify, idle, "
                 "idle-immediate, read, read-dma, read-dma-ext, read-ext, read-verify, "
                 "read-verify-ext, smart, standby, standby-immediate, trim, write, write-dma, "
                 "write-dma-ext, write-ext or a number up to 255, got 'red'; did you mean 'read'?");
  EXPECT_EQ(complaint("send: {ata: {op: read}, mask: {}}"),
            at + "33: send: 'ata' and 'mask': expected one of them");
  EXPECT_EQ(complaint("send: {command: 256}"),
            at + "19: send: command: expected ata, config, mask, reserve or a number up to 255, "
                 "got '256'");
  EXPECT_EQ(complaint("send: {command: ata, version: 16}"),
            at + "33: send: version: expected a number up to 15, got '16'");
  EXPECT_EQ(complaint("send: {bytes: abc}"),
            at + "17: send: bytes: expected pairs of hexadecimal digits, quoted, 9014 at most");
  EXPECT_EQ(complaint("send: {command: ata, source: 2}"),
            at + "32: send: source: expected a quoted address such as \"02:00:00:00:00:99\", or "
                 "broadcast");
  EXPECT_EQ(complaint("send: {command: ata, comand: 3}"),
            at + "24: send: unknown key 'comand'; did you mean 'command'?");
  EXPECT_EQ(complaint("expect: {reply: okay}"),
            at + "19: reply: expected one of answer, bad-argument, config-string-present, "
                 "device-unavailable, ok, silence, target-reserved, unrecognized-command, "
                 "unsupported-version, got 'okay'; did you mean 'ok'?");
  EXPECT_EQ(complaint("expect: {reply: {of: x}}"),
            at + "19: expect: no frame 'x' before this step");
  EXPECT_EQ(complaint("expect: {reply: []}"), at + "19: reply: expected an answer");
  EXPECT_EQ(complaint("ask: {kind: reed}"),
            at + "15: ask: kind: expected config, flush, identify, mask, read, reserve, "
                 "unknown-command, write or a number up to 255, got 'reed'; did you mean 'read'?");
  EXPECT_EQ(complaint("expect: {store: {lba: 16383, count: 2, data: zero}}"),
            at + "39: store: beyond the disk's last sector, 16383");
  EXPECT_EQ(complaint("expect: {store: {lba: 1, data: none}}"),
            at + "34: store: data: expected pattern, zero, or bytes");
  EXPECT_EQ(complaint("expect: {replies: {from: e1}}"),
            at + "28: replies: from: expected addresses such as e1.1");
  EXPECT_EQ(complaint("expect: {reply: {identify: {words: [{word: 255, count: 2, is: 0}]}}}"),
            at + "58: words: count: beyond word 255");
  EXPECT_EQ(complaint("expect: {reply: {identify: {words: 3}}}"),
            at + "38: identify: words: expected a list");
  EXPECT_EQ(complaint("reserve: {macs: \"02:00:00:00:00:09..02:00:00:00:00:08\"}"),
            at + "19: reserve: macs: expected a range of 255 addresses at most, such as "
                 "\"02:00:00:00:01:00..02:00:00:00:01:63\"");
  EXPECT_EQ(complaint("config: {hex: \"00\", string: a}"),
            at + "17: config: hex: expected no string and no size beside it");
  EXPECT_EQ(complaint("advertised: [trim, wings]"),
            at + "22: step: advertised: expected one of dma, flush, flush-ext, lba48, "
                 "power-management, smart, trim, got 'wings'");
  EXPECT_EQ(complaint("alive: {for: 1s}"), at + "11: alive: unknown key 'for'; known are within");
  EXPECT_EQ(complaint("config: {op: read, lenght: 3}"),
            at + "22: config: unknown key 'lenght'; did you mean 'length'?");
}

}  // namespace
}  // namespace aoe::harness
