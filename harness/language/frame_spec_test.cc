#include "harness/language/frame_spec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/language/scenario.h"

namespace aoe::harness {
namespace {

std::string with_step(const std::string& step) {
  return "scenario: s\ntitle: t\nclause: []\nroles: {target: {}}\nsteps:\n- send: {config: "
         "{}}\n- " +
         step + "\n";
}

std::string frame_complaint(const std::string& step) {
  const auto scenario = parse_scenario(with_step(step), "x.yaml");
  return scenario ? "none" : scenario.error();
}

template <class Kind>
Kind step(const std::string& yaml) {
  const auto scenario = parse_scenario(with_step(yaml), "x.yaml");
  EXPECT_TRUE(scenario) << scenario.error();
  return scenario ? std::get<Kind>(scenario->steps.back().what) : Kind{};
}

/// "1 02:00:00:00:00:09, …": opcodes and addresses.
std::string directives(const FrameSpec& frame) {
  std::string list;
  for (std::size_t i = 0; frame.value(Field::mask_directive_op, i); ++i) {
    list += fmt::format("{}{} {}", i == 0 ? "" : ", ", *frame.value(Field::mask_directive_op, i),
                        layout::mac(*frame.value(Field::mask_directive_address, i)));
  }
  return list;
}

TEST(FrameSpec, WhatIsNotSpeltIsAsAWellBehavedPeerWouldHaveIt) {
  const FrameSpec frame = step<SendStep>("send: {ata: {op: read-ext}}").frame;
  EXPECT_EQ(frame.direction, Direction::to_target);
  EXPECT_FALSE(frame.value(Field::version));
  EXPECT_FALSE(frame.value(Field::flags));
  EXPECT_FALSE(frame.value(Field::tag));
  EXPECT_EQ(frame.value(Field::command), 0U);
  EXPECT_EQ(frame.pad, 60U);
  EXPECT_EQ(frame.message, layout::Message::ata);
  EXPECT_EQ(frame.value(Field::ata_op), 0x24U);
  EXPECT_EQ(frame.value(Field::ata_count), 1U);
  EXPECT_EQ(frame.value(Field::ata_flags), 0x40U) << "what the opcode needs";
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
  EXPECT_EQ(frame.value(Field::destination), layout::number(Mac::broadcast()));
  EXPECT_EQ(frame.value(Field::source), layout::number({{2, 0, 0, 0, 0, 9}}));
  EXPECT_EQ(frame.value(Field::version), 15U);
  EXPECT_EQ(frame.value(Field::flags), flag_response | flag_error);
  EXPECT_EQ(frame.value(Field::error), 2U);
  EXPECT_EQ(frame.value(Field::shelf), Address::any_shelf);
  EXPECT_EQ(frame.value(Field::slot), Address::any_slot);
  EXPECT_EQ(frame.value(Field::command), 240U);
  EXPECT_EQ(frame.value(Field::tag), 0xffffffffU);
  EXPECT_EQ(frame.truncate, 30U);
  EXPECT_EQ(frame.pad, 0U);
  EXPECT_EQ(frame.repeat, 5U);
  EXPECT_EQ(frame.message, layout::Message::config);
  EXPECT_EQ(frame.value(Field::config_op), 9U);
  EXPECT_EQ(frame.value(Field::config_length), 7U);
  EXPECT_EQ(frame.value(Field::config_buffers), 1U);
  EXPECT_EQ(frame.value(Field::config_firmware), 2U);
  EXPECT_EQ(frame.value(Field::config_sectors), 3U);
  EXPECT_EQ(frame.value(Field::config_version), 4U);
  EXPECT_EQ(frame.rest, (std::vector<std::uint8_t>{'a', 'b', 'c'}));

  const FrameSpec mask =
      step<SendStep>("send: {mask: {op: edit, count: 9, directives: [{op: add, mac: broadcast}]}}")
          .frame;
  EXPECT_EQ(mask.value(Field::mask_op), 1U);
  EXPECT_EQ(mask.value(Field::mask_count), 9U);
  EXPECT_EQ(directives(mask), "1 ff:ff:ff:ff:ff:ff");
  const FrameSpec reserve =
      step<SendStep>("send: {reserve: {op: set, macs: \"02:00:00:00:00:09\"}}").frame;
  EXPECT_EQ(reserve.value(Field::reserve_count), 1U);
  EXPECT_EQ(reserve.value(Field::reserve_address), layout::number({{2, 0, 0, 0, 0, 9}}));
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
            "error bad-argument; or ata.status error, ata.error abrt; or silence");
  EXPECT_EQ(reply("{any: [ok, silence], within: 1s}"), "ok; or silence");
  EXPECT_EQ(reply("{config: {string: abc, buffers: 2}, size: 60}"),
            "config.buffers 2 or more, size 60 or more, string \"abc\"");
  EXPECT_EQ(reply("{mask: {macs: []}}"), "an empty list");
  EXPECT_EQ(reply("answer"), "any answer");
  EXPECT_EQ(reply("{ata: {status: failed, data: none}}"), "ata.status failed, data none");
  EXPECT_EQ(reply("{identify: {texts: padded, checksum: right, words: [{word: 60, count: 2, is: "
                  "9}]}}"),
            "words 60-61 is 9, texts padded, checksum right");
  EXPECT_EQ(reply("{mask: {listed: whole}}"), "the whole list");
  EXPECT_EQ(reply("{config: {hex: \"61 62\"}}"), "string \"ab\"");
  EXPECT_EQ(reply("{config: {hex: \"61 00ff\"}}"), "string \"a\\x00\\xff\"");
  EXPECT_EQ(reply("{ata: {data: \"a5\", count: 0}}"), "ata.count 0, data a5");
}

TEST(FrameSpec, AddressesMayBeARange) {
  const FrameSpec mask = step<SendStep>(
                             "send: {mask: {op: edit, directives: [{op: add, mac: "
                             "\"02:00:00:00:00:fe..02:00:00:00:01:01\"}]}}")
                             .frame;
  EXPECT_EQ(directives(mask),
            "1 02:00:00:00:00:fe, 1 02:00:00:00:00:ff, 1 02:00:00:00:01:00, 1 02:00:00:00:01:01");
  EXPECT_EQ(mask.value(Field::mask_count), 4U);
}

TEST(FrameSpec, WhatTheTargetTakesMayBeLeftToIt) {
  const FrameSpec frame =
      step<SendStep>("send: {ata: {op: read, count: most}, repeat: buffers, tag: each}").frame;
  EXPECT_TRUE(frame.most_sectors);
  EXPECT_TRUE(frame.repeat_buffers);
  EXPECT_TRUE(frame.tag_each);
}

TEST(FrameSpec, AQuestionIsThePlainestOfItsKind) {
  const Query read = step<QueryStep>("ask: {kind: read, slot: any}").query;
  EXPECT_EQ(read.request.value(Field::command), 0U);
  EXPECT_EQ(read.request.value(Field::ata_op), 0x24U);
  EXPECT_EQ(read.request.value(Field::slot), Address::any_slot);
  EXPECT_EQ(describe(read.reply), "any answer");
  EXPECT_EQ(step<QueryStep>("ask: {kind: unknown-command}").query.request.value(Field::command),
            9U);
  EXPECT_EQ(step<SendStep>("send: {kind: mask}").frame.value(Field::command), 2U);
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
  EXPECT_EQ(set.request.value(Field::command), 1U);
  EXPECT_EQ(set.request.rest, (std::vector<std::uint8_t>{'a', 'b', 'c'}));
  EXPECT_EQ(describe(set.reply), "error config-string-present");
  const Query identify = step<QueryStep>("identify: {}").query;
  EXPECT_EQ(identify.request.value(Field::ata_op), 0xecU);
  EXPECT_EQ(describe(identify.reply), "ok");
}

TEST(FrameSpec, MistakesAreNamed) {
  const std::string at = "x.yaml:7:";
  EXPECT_EQ(frame_complaint("send: {}"),
            at + "9: send: expected ata, config, mask, reserve, a kind, a command, or bytes");
  EXPECT_EQ(frame_complaint("send: {ata: {op: red}}"),
            at + "20: ata: op: expected check-power-mode, flush, flush-ext, identify, idle, "
                 "idle-immediate, read, read-dma, read-dma-ext, read-ext, read-verify, "
                 "read-verify-ext, smart, standby, standby-immediate, trim, write, write-dma, "
                 "write-dma-ext, write-ext or a number up to 255, got 'red'; did you mean 'read'?");
  EXPECT_EQ(frame_complaint("send: {ata: {op: read}, mask: {}}"),
            at + "33: send: 'ata' and 'mask': expected one of them");
  EXPECT_EQ(frame_complaint("send: {command: 256}"),
            at + "19: send: command: expected ata, config, mask, reserve or a number up to 255, "
                 "got '256'");
  EXPECT_EQ(frame_complaint("send: {command: ata, version: 16}"),
            at + "33: send: version: expected a number up to 15, got '16'");
  EXPECT_EQ(frame_complaint("send: {bytes: abc}"),
            at + "17: send: bytes: expected pairs of hexadecimal digits, quoted, 9014 at most");
  EXPECT_EQ(frame_complaint("send: {command: ata, source: 2}"),
            at + "32: send: source: expected a quoted address such as \"02:00:00:00:00:99\", or "
                 "broadcast");
  EXPECT_EQ(frame_complaint("send: {command: ata, comand: 3}"),
            at + "24: send: unknown key 'comand'; did you mean 'command'?");
  EXPECT_EQ(frame_complaint("expect: {reply: okay}"),
            at + "19: reply: expected one of answer, bad-argument, config-string-present, "
                 "device-unavailable, ok, silence, target-reserved, unrecognized-command, "
                 "unsupported-version, got 'okay'; did you mean 'ok'?");
  EXPECT_EQ(frame_complaint("expect: {reply: {of: x}}"),
            at + "19: expect: no frame 'x' before this step; there is none");
  EXPECT_EQ(frame_complaint("expect: {reply: []}"), at + "19: reply: expected an answer");
  EXPECT_EQ(frame_complaint("ask: {kind: reed}"),
            at + "15: ask: kind: expected config, flush, identify, mask, read, reserve, "
                 "unknown-command, write or a number up to 255, got 'reed'; did you mean 'read'?");
  EXPECT_EQ(frame_complaint("expect: {store: {lba: 16383, count: 2, data: zero}}"),
            at + "39: store: beyond the disk's last sector, 16383");
  EXPECT_EQ(frame_complaint("expect: {store: {lba: 1, data: none}}"),
            at + "34: store: data: expected pattern, zero, or bytes");
  EXPECT_EQ(frame_complaint("expect: {replies: {from: e1}}"),
            at + "28: replies: from: expected addresses such as e1.1");
  EXPECT_EQ(frame_complaint("expect: {reply: {identify: {words: [{word: 255, count: 2, is: 0}]}}}"),
            at + "58: words: count: beyond word 255");
  EXPECT_EQ(frame_complaint("expect: {reply: {identify: {words: 3}}}"),
            at + "38: identify: words: expected a list");
  EXPECT_EQ(frame_complaint("reserve: {macs: \"02:00:00:00:00:09..02:00:00:00:00:08\"}"),
            at + "19: reserve: macs: expected a range of 255 addresses at most, such as "
                 "\"02:00:00:00:01:00..02:00:00:00:01:63\"");
  EXPECT_EQ(frame_complaint("config: {hex: \"00\", string: a}"),
            at + "17: config: hex: expected no string and no size beside it");
  EXPECT_EQ(frame_complaint("advertised: [trim, wings]"),
            at + "22: step: advertised: expected one of dma, flush, flush-ext, lba48, "
                 "power-management, smart, trim, trim-zero, got 'wings'");
  EXPECT_EQ(frame_complaint("alive: {for: 1s}"),
            at + "11: alive: unknown key 'for'; known are by, to, within");
  EXPECT_EQ(frame_complaint("config: {op: read, lenght: 3}"),
            at + "22: config: unknown key 'lenght'; did you mean 'length'?");
}

}  // namespace
}  // namespace aoe::harness
