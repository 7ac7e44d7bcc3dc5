#include "harness/judge/frame_rules.h"

#include <array>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/language/clauses.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// "bad-status 3.1/4: status 00 is success without DRDY", a line each.
std::string found(const FrameBytes& bytes, bool is_cut = false) {
  std::string lines;
  for (const Finding& finding : judge_frame({bytes, decode(bytes), bytes.size(), is_cut})) {
    lines += fmt::format("{}{} {}: {}", lines.empty() ? "" : "\n", finding.rule, finding.clause,
                         finding.actual);
  }
  return lines;
}

FrameBytes with(FrameBytes bytes, std::size_t offset, std::uint8_t value) {
  bytes[offset] = value;
  return bytes;
}

FrameBytes answer_of(const Body& body) {
  return frame_of({client_mac, server_mac, disk, 1}, body);
}

FrameBytes ata_answer(std::uint8_t status, std::uint8_t error = 0) {
  return answer_of(AtaReply{.error = error, .status = status});
}

TEST(FrameRules, AGoodFrameBreaksNone) {
  for (const FrameBytes& frame :
       {query_frame(), request_frame(read_command(2), 1), request_frame(write_command(2), 1),
        request_frame(flush_command(), 1), reply_frame(1),
        answer_of(ConfigReply{.buffer_count = 4, .sector_count = 2}),
        answer_of(ErrorReply{0, ErrorCode::target_reserved}), ata_answer(0x41, 0x04)}) {
    EXPECT_EQ(found(frame), "");
  }
}

TEST(FrameRules, OfTheHeader) {
  EXPECT_EQ(found(with(query_frame(), 14, 0x20)),
            "unsupported-version 2/30: unsupported version (offset 14: have 2, need 1)");
  EXPECT_EQ(found(with(query_frame(), 14, 0x12)),
            "reserved-field 2/30: there is something in the reserved flags (§2)");
  EXPECT_EQ(found(with(query_frame(), 14, 0x14)), "request-with-error 2/30: a request with flag E");
  EXPECT_EQ(found(with(query_frame(), 15, 3)), "error-byte 2/30: error 3 without flag E");
  EXPECT_EQ(found(with(query_frame(), 6, 0x03)),
            "group-source 2/2: it comes from 03:00:00:00:00:01");
  EXPECT_EQ(found(with(query_frame(), 19, 4)),
            "unknown-command 2.4/1: unknown command (offset 19: have 4, need 3)");
  EXPECT_EQ(found(with(reply_frame(1), 18, 0xff)), "wildcard-reply 2/8: a reply from e1.*");
}

TEST(FrameRules, ErrorsAreThoseThatThereAre) {
  const FrameBytes error = answer_of(ErrorReply{0, ErrorCode::target_reserved});
  EXPECT_EQ(found(with(error, 15, 7)), "unknown-error 2.4/3: error 7");
  EXPECT_EQ(found(with(error, 15, 0)), "unknown-error 2.4/3: error 0");
}

TEST(FrameRules, AFrameHasSixtyBytes) {
  FrameBytes query = query_frame();
  ASSERT_EQ(query.size(), 60U);
  query.resize(59);
  EXPECT_EQ(found(query), "short-frame 2/15: 59 bytes on the wire");
  query.resize(23);
  EXPECT_EQ(found(query),
            "short-frame 2/15: 23 bytes on the wire\n"
            "malformed 2/12: frame too short (offset 0: have 23, need 24)");
}

TEST(FrameRules, AFrameHoldsWhatItPromises) {
  const FrameBytes write = request_frame(write_command(2), 1);
  FrameBytes half = write;
  half.resize(half.size() - 1);
  EXPECT_EQ(found(half),
            "malformed 3.1/40: write data beyond the frame (offset 36: have 1023, need 1024)");
}

TEST(FrameRules, FlagsOfAnAtaCommandFitIt) {
  AtaRequest read = read_command(2);
  read.flags.extended = false;
  EXPECT_EQ(found(request_frame(read, 1)), "ata-flags 3.1/43: READ EXT without flag E");
  read.opcode = ata::Opcode::read_sectors;
  EXPECT_EQ(found(request_frame(read, 1)), "");
  read.flags.extended = true;
  EXPECT_EQ(found(request_frame(read, 1)), "ata-flags 3.1/43: READ with flag E");
  AtaRequest write = write_command(2);
  write.flags.write = false;
  write.data = {};
  EXPECT_EQ(found(request_frame(write, 1)), "ata-flags 3.1/40: WRITE EXT without flag W");
  write = write_command(2);
  write.opcode = ata::Opcode::read_sectors_ext;
  EXPECT_EQ(found(request_frame(write, 1)), "ata-flags 3.1/40: READ EXT with flag W");
  EXPECT_EQ(found(request_frame(read_command(2, 0), 1)),
            "zero-count 3.1/40: READ EXT of 0 sectors");
}

TEST(FrameRules, AStatusIsSuccessOrFailure) {
  EXPECT_EQ(found(ata_answer(0x40)), "");
  EXPECT_EQ(found(ata_answer(0x50)), "") << "DSC is nobody's business";
  EXPECT_EQ(found(ata_answer(0x60)), "") << "a device fault";
  EXPECT_EQ(found(ata_answer(0x00)), "bad-status 3.1/4: status 00 is success without DRDY");
  EXPECT_EQ(found(ata_answer(0xe7)), "bad-status 3.1/4: status e7 has BSY: the drive is not done");
  EXPECT_EQ(found(ata_answer(0x48)), "bad-status 3.1/4: status 48 has DRQ: data is still due");
  EXPECT_EQ(found(ata_answer(0x41)), "bad-status 3.1/4: status 41 has ERR, and error is 00");
}

TEST(FrameRules, OfConfigAndMaskLists) {
  const FrameBytes config = answer_of(ConfigReply{.buffer_count = 4, .sector_count = 2});
  EXPECT_EQ(found(with(config, 29, 0x20)), "config-version 3.2/13: it speaks version 2");
  std::array<std::uint8_t, 16> room;
  const std::array<Directive, 2> directives{Directive{1, other_mac}, Directive{3, other_mac}};
  const FrameBytes mask = frame_of({server_mac, client_mac, disk, 1},
                                   MaskRequest{MaskCommand::edit, pack(directives, room)});
  EXPECT_EQ(found(mask), "bad-directive 3.3/4: directive 1 is 3");
}

TEST(FrameRules, WhatTheCaptureCutIsNotHeldAgainstAnybody) {
  const FrameBytes reserved = with(request_frame(write_command(2), 1), 34, 1);
  EXPECT_NE(found(reserved), "");
  EXPECT_EQ(found(reserved, true), "");
}

TEST(FrameRules, EveryRuleHasANameOfItsOwnAndAClauseOfTheCatalogue) {
  std::set<std::string_view> names;
  for (const RuleRow& rule : rule_rows) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    const bool has_clause = clause_catalogue().find(rule.clause) != nullptr;
    EXPECT_EQ(has_clause, rule.name != text(Check::liveness)) << rule.name;
  }
  for (int i = 0; i < rule_count; ++i) {
    const auto rule = static_cast<Rule>(i);
    for (const std::string_view clause :
         {broken_clause(rule, false), broken_clause(rule, true), refusing_clause(rule)})
      EXPECT_NE(clause_catalogue().find(clause), nullptr) << clause;
  }
}

/// What is found when this byte of the frame is `value`.
std::string reserved(FrameBytes bytes, std::size_t offset, std::uint8_t value) {
  bytes[offset] = value;
  return std::string(set_reserved_field(bytes, *decode(bytes)));
}

TEST(ReservedFields, OurOwnFramesLeaveThemZero) {
  const Header header{client_mac, server_mac, disk, 1};
  for (const FrameBytes& frame :
       {request_frame(read_command(2), 1), request_frame(write_command(2), 1), reply_frame(1),
        query_frame(), frame_of(header, ConfigReply{.buffer_count = 4, .sector_count = 2}),
        frame_of(header, MaskRequest{}), frame_of(header, ReserveRequest{}),
        frame_of(header, ErrorReply{0, ErrorCode::bad_argument})}) {
    EXPECT_EQ(set_reserved_field(frame, *decode(frame)), "");
  }
}

TEST(ReservedFields, FlagsAreReservedInAnyFrame) {
  EXPECT_EQ(reserved(query_frame(), 14, 0x12), "the reserved flags (§2)");
  EXPECT_EQ(reserved(reply_frame(1), 14, 0x19), "the reserved flags (§2)");
}

TEST(ReservedFields, OfAnAtaFrame) {
  const FrameBytes request = request_frame(read_command(2), 1);
  EXPECT_EQ(reserved(request, 24, 0x44), "the reserved AFlags (§3.1)");
  EXPECT_EQ(reserved(request, 24, 0x42), "") << "asynchronous";
  EXPECT_EQ(reserved(request, 34, 1), "the reserved bytes after the LBA (§3.1)");
  EXPECT_EQ(reserved(reply_frame(1), 35, 1), "the reserved bytes after the LBA (§3.1)");
}

TEST(ReservedFields, OfAQueryTheServersAnswer) {
  const std::string_view servers =
      "the fields of a query that are the server's: buffers, firmware, sectors (§3.2)";
  for (const std::size_t offset : {24U, 25U, 26U, 27U, 28U})
    EXPECT_EQ(reserved(query_frame(), offset, 1), servers);
  const Header header{client_mac, server_mac, disk, 1};
  EXPECT_EQ(reserved(frame_of(header, ConfigReply{}), 25, 16), "");
}

TEST(ReservedFields, OfAMaskList) {
  const Header header{server_mac, client_mac, disk, 1};
  const FrameBytes read = frame_of(header, MaskRequest{});
  EXPECT_EQ(reserved(read, 24, 1), "the reserved byte of the mask list (§3.3)");
  std::array<std::uint8_t, 16> room;
  const std::array<Directive, 2> directives{{{1, client_mac}, {2, server_mac}}};
  const FrameBytes edit =
      frame_of(header, MaskRequest{MaskCommand::edit, pack(std::span(directives), room)});
  EXPECT_EQ(reserved(edit, 28, 1), "the reserved byte of a directive (§3.3)");
  EXPECT_EQ(reserved(edit, 36, 1), "the reserved byte of a directive (§3.3)");
  EXPECT_EQ(reserved(edit, 37, 1), "");
}

}  // namespace
}  // namespace aoe::harness
