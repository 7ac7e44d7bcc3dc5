// Every rule, broken by bytes, with the exact place and amount; and what a server answers to it.

#include "proto/reject.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proto/frame.h"
#include "proto/identify.h"
#include "proto/testing/golden_frames.h"

namespace aoe {
namespace {

const std::string ethernet = "020000000005 02000000000c 88a2";

struct Broken {
  Rule rule;
  std::vector<std::uint8_t> bytes;  // a frame, from the Ethernet header on
  Reject expected;
  std::optional<ErrorCode> answer;
};

std::vector<Broken> broken_frames() {
  using enum Rule;
  constexpr auto bad_argument = ErrorCode::bad_argument;
  const auto frame = [](std::string_view after_ethernet) {
    return octets(ethernet + std::string(after_ethernet));
  };
  auto short_write = frame("10 00 0102 03 00 00000001  01 00 02 30 000000000000 0000");
  short_write.resize(36 + 1023);  // W, 2 sectors: one byte less than they need
  return {
      {frame_too_short, frame("10 00 0102 03 00 000000"), {frame_too_short, 0, 23, 24}, {}},
      {not_aoe,
       octets("020000000005 02000000000c 0800  10 00 0102 03 00 00000001"),  // IPv4
       {not_aoe, 12, 0x0800, 0x88a2},
       {}},
      {unsupported_version,
       frame("20 00 0102 03 01 00000001"),  // version 2
       {unsupported_version, 14, 2, 1},
       ErrorCode::unsupported_version},
      {unknown_command,
       frame("10 00 0102 03 04 00000001"),
       {unknown_command, 19, 4, 3},
       ErrorCode::unrecognized_command},
      {arg_too_short,
       frame(
           "10 00 0102 03 00 00000001  00 00 01 20 000000000000 00"),  // ATA without its last byte
       {arg_too_short, 24, 35, 36},
       bad_argument},
      {write_data_short, short_write, {write_data_short, 36, 1023, 1024}, bad_argument},
      {unknown_config_command,
       frame("10 00 0102 03 01 00000001  0000 0000 00 05 0000"),
       {unknown_config_command, 29, 5, 4},
       bad_argument},
      {config_string_too_long,
       frame("10 00 0102 03 01 00000001  0000 0000 00 03 0401"),
       {config_string_too_long, 30, 1025, 1024},
       bad_argument},
      {config_string_beyond_frame,
       frame("10 00 0102 03 01 00000001  0000 0000 00 03 0004 616263"),
       {config_string_beyond_frame, 30, 3, 4},
       bad_argument},
      {unknown_mask_command,
       frame("10 00 0102 03 02 00000001  00 02 00 00"),
       {unknown_mask_command, 25, 2, 1},
       bad_argument},
      {unknown_mask_error,
       frame("18 00 0102 03 02 00000001  00 01 04 00"),
       {unknown_mask_error, 26, 4, 3},
       {}},
      {mask_directives_beyond_frame,
       frame("10 00 0102 03 02 00000001  00 01 00 02  00 01 02000000000c  00 01 0200000000"),
       {mask_directives_beyond_frame, 27, 15, 16},
       bad_argument},
      {unknown_reserve_command,
       frame("10 00 0102 03 03 00000001  03 00"),
       {unknown_reserve_command, 24, 3, 2},
       bad_argument},
      {reserve_addresses_beyond_frame,
       frame("10 00 0102 03 03 00000001  01 02  02000000000c 0200000000"),
       {reserve_addresses_beyond_frame, 25, 11, 12},
       bad_argument},
  };
}

/// IDENTIFY data with some words changed.
struct BrokenIdentify {
  Rule rule;
  std::size_t size;
  std::vector<std::pair<std::size_t, std::uint16_t>> words;
  Reject expected;
};

std::vector<BrokenIdentify> broken_identify() {
  using enum Rule;
  return {
      {identify_too_short, 511, {}, {identify_too_short, 36, 511, 512}},
      {identify_not_lba, 512, {{49, 0xfdff}}, {identify_not_lba, 36 + 2 * 49, 0xfdff, 0x0200}},
      {identify_sector_size,  // 117-118: 2048 words of 16 bits, valid by bit 12 of word 106
       512,
       {{106, 0x5000}, {117, 2048}},
       {identify_sector_size, 36 + 2 * 117, 2048, 256}},
      {identify_too_large,  // without LBA48, 2^28 sectors
       512,
       {{83, 0x4000}, {60, 0x0000}, {61, 0x1000}},
       {identify_too_large, 36 + 2 * 60, 0x1000'0000, 0x0fff'ffff}},
      {identify_too_large,  // with LBA48, 2^48 + 1 sectors: beyond what a reject can say
       512,
       {{100, 1}, {103, 1}},
       {identify_too_large, 36 + 2 * 100, 0xffff'ffff, 0xffff'ffff}},
  };
}

void expect_reject(const tl::expected<Frame, Reject>& frame, const Reject& expected) {
  const bool outright = expected.rule == Rule::frame_too_short || expected.rule == Rule::not_aoe;
  ASSERT_EQ(frame.has_value(), !outright);
  const Reject* found = outright ? &frame.error() : nullptr;
  if (!outright) {
    ASSERT_FALSE(frame->body.has_value());
    found = &frame->body.error();
  }
  EXPECT_EQ(found->rule, expected.rule);
  EXPECT_EQ(found->offset, expected.offset);
  EXPECT_EQ(found->have, expected.have);
  EXPECT_EQ(found->need, expected.need);
}

TEST(Reject, BrokenFrameNamesItsRuleWithPlaceAndAmount) {
  for (const Broken& broken : broken_frames()) {
    SCOPED_TRACE(text(broken.rule));
    expect_reject(decode(broken.bytes), broken.expected);
  }
}

TEST(Reject, BrokenFrameStillHasTheHeaderThatAnAnswerNeeds) {
  for (const Broken& broken : broken_frames()) {
    SCOPED_TRACE(text(broken.rule));
    const auto frame = decode(broken.bytes);
    if (!frame) continue;
    EXPECT_EQ(frame->header.address, (Address{0x0102, 3}));
    EXPECT_EQ(frame->header.source, parse_mac("02:00:00:00:00:0c"));
    EXPECT_EQ(frame->header.destination, parse_mac("02:00:00:00:00:05"));
    EXPECT_EQ(frame->header.tag, 1U);
    EXPECT_EQ(frame->command, broken.bytes[19]);
    EXPECT_EQ(frame->response, (broken.bytes[14] & flag_response) != 0);
  }
}

TEST(Reject, BrokenIdentifyNamesItsRuleWithPlaceAndAmount) {
  Identity identity;
  identity.sectors = 1000;
  identity.lba48 = true;
  for (const BrokenIdentify& broken : broken_identify()) {
    SCOPED_TRACE(text(broken.rule));
    std::array<std::uint8_t, identify_size> block;
    build_identify(identity, block);
    for (const auto& [word, value] : broken.words) {
      block[2 * word] = static_cast<std::uint8_t>(value);
      block[2 * word + 1] = static_cast<std::uint8_t>(value >> 8);
    }
    const auto parsed = parse_identify(Bytes(block).first(broken.size));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error(), broken.expected);
  }
}

TEST(Reject, EveryRuleOfTheCodecIsBrokenByATest) {
  std::set<Rule> rules;
  for (const Broken& broken : broken_frames()) rules.insert(broken.expected.rule);
  for (const BrokenIdentify& broken : broken_identify()) rules.insert(broken.expected.rule);
  // A client's to find: it knows how much it asked for, and what it can use.
  for (const Rule rule :
       {Rule::read_data_short, Rule::identify_no_sectors, Rule::identify_checksum}) {
    rules.insert(rule);
  }
  EXPECT_EQ(rules.size(), static_cast<std::size_t>(rule_count));
}

TEST(Reject, ARequestThatBreaksARuleHasItsAnswer) {
  for (const Broken& broken : broken_frames()) {
    EXPECT_EQ(answer_to(broken.rule), broken.answer) << text(broken.rule);
  }
  for (const BrokenIdentify& broken : broken_identify()) {
    EXPECT_EQ(answer_to(broken.rule), std::nullopt) << text(broken.rule);
  }
  EXPECT_EQ(answer_to(Rule::read_data_short), std::nullopt);
  EXPECT_EQ(answer_to(Rule::identify_no_sectors), std::nullopt);
  EXPECT_EQ(answer_to(Rule::identify_checksum), std::nullopt);
}

TEST(Reject, EveryRuleHasATextOfItsOwn) {
  std::set<std::string_view> texts;
  for (int rule = 0; rule < rule_count; ++rule) texts.insert(text(static_cast<Rule>(rule)));
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(rule_count));
  EXPECT_FALSE(texts.contains(""));
}

}  // namespace
}  // namespace aoe
