#include "harness/judge/reply_comparison.h"

#include <array>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/identify.h"

namespace aoe::harness {
namespace {

const std::set<std::string> none;

/// "ata.status: 0x40, 0x00", a line each.
std::string differences(const Body& request, const Body& expected, const Body& got,
                        const std::set<std::string>& ignored = free_reply_fields()) {
  const Header asked{server_mac, client_mac, disk, 1};
  const Header here{client_mac, server_mac, disk, 1};
  const Header there{other_mac, server_mac, disk, 77};  // tags and MAC addresses are volatile
  std::string lines;
  for (const Mismatch& one : compare_captured(frame_of(asked, request), frame_of(here, expected),
                                              frame_of(there, got), disk, ignored)) {
    EXPECT_TRUE(reply_fields().contains(one.field)) << one.field;
    lines +=
        fmt::format("{}{}: {}, {}", lines.empty() ? "" : "\n", one.field, one.expected, one.actual);
  }
  return lines;
}

AtaReply ok(Bytes data = {}) {
  return {.status = ata::status_drdy, .data = data};
}

TEST(ReplyComparison, TheSameAnswerDoesNotDiffer) {
  const std::vector<std::uint8_t> data(2 * sector_size, 0x11);
  EXPECT_EQ(differences(read_command(0), ok(data), ok(data), none), "");
  EXPECT_EQ(differences(ConfigRequest{}, ConfigReply{}, ConfigReply{}, none), "");
}

TEST(ReplyComparison, OfAtaCommands) {
  std::vector<std::uint8_t> data(2 * sector_size, 0x11);
  std::vector<std::uint8_t> other = data;
  other[700] = 0x22;
  EXPECT_EQ(differences(read_command(0), ok(data), ok(other)),
            "ata.data: 0x11 in byte 700 (lba 1), 0x22");
  EXPECT_EQ(differences(read_command(0), ok(data), ok(data), {"ata.data"}), "");
  EXPECT_EQ(differences(flush_command(), ok(data), ok(other)), "") << "what nobody asked for";
  EXPECT_EQ(
      differences(read_command(0), AtaReply{.error = 4, .status = 0x41, .data = data}, ok(other)),
      "ata.error: abrt (4), none (0)\nata.status: DRDY|ERR (0x41), DRDY (0x40)");
  AtaReply left = ok(data);
  left.sectors_left = 1;
  left.lba = 9;
  EXPECT_EQ(differences(read_command(0), ok(data), left), "ata.count: 0, 1");
  EXPECT_EQ(differences(read_command(0), ok(data), left, none), "ata.count: 0, 1\nata.lba: 0, 9");
  EXPECT_EQ(differences(read_command(0, 3), ok(data), ok(data)), "")
      << "both are as short, which is for check to tell";
}

TEST(ReplyComparison, OfIdentifyTheCapacityCounts) {
  std::array<std::uint8_t, identify_size> mine{};
  std::array<std::uint8_t, identify_size> theirs{};
  Identity identity;
  identity.sectors = 100;
  build_identify(identity, mine);
  identity.serial = "another";
  build_identify(identity, theirs);
  const AtaRequest identify{.sectors = 1, .opcode = ata::Opcode::identify_device};
  EXPECT_EQ(differences(identify, ok(mine), ok(theirs)), "");
  EXPECT_NE(differences(identify, ok(mine), ok(theirs), none), "");
  identity.sectors = 101;
  build_identify(identity, theirs);
  EXPECT_EQ(differences(identify, ok(mine), ok(theirs)),
            "identify.capacity: 100 sectors, 101 sectors");
}

TEST(ReplyComparison, OfErrors) {
  EXPECT_EQ(differences(read_command(0), ErrorReply{0, ErrorCode::bad_argument},
                        ErrorReply{0, ErrorCode::target_reserved}),
            "error: bad-argument (2), target-reserved (6)");
  EXPECT_EQ(differences(read_command(0), ErrorReply{0, ErrorCode::bad_argument}, ok()),
            "flags: response|error (0xc), response (0x8)\nerror: bad-argument (2), none (0)");
}

TEST(ReplyComparison, OfConfigAndLists) {
  const std::array<std::uint8_t, 3> string{'a', '"', 1};
  EXPECT_EQ(differences(ConfigRequest{}, ConfigReply{.buffer_count = 1, .string = string},
                        ConfigReply{.buffer_count = 2}),
            "config.string: \"a\"\\x01\" (3), \"\" (0)");
  EXPECT_EQ(differences(ConfigRequest{}, ConfigReply{.buffer_count = 1},
                        ConfigReply{.buffer_count = 2, .firmware = 3, .sector_count = 4}, none),
            "config.buffers: 1, 2\nconfig.firmware: 0, 3\nconfig.sectors: 0, 4");
  std::array<std::uint8_t, 8> room;
  const std::array<Directive, 1> one{Directive{1, other_mac}};
  EXPECT_EQ(differences(MaskRequest{}, MaskReply{.list = pack(one, room)}, MaskReply{}),
            "mask.count: 1, 0\nmask.list: 02:00:00:00:00:03, an empty list");
  std::array<std::uint8_t, 6> more_room;
  const std::array<Mac, 1> macs{other_mac};
  EXPECT_EQ(differences(ReserveRequest{}, ReserveReply{},
                        ReserveReply{ReserveCommand::set, pack(macs, more_room)}),
            "reserve.op: read (0), set (1)\nreserve.list: an empty list, 02:00:00:00:00:03");
}

TEST(ReplyComparison, TheAddressIsThatOfWhoWasAsked) {
  const FrameBytes reply = reply_frame(1);
  const auto found = compare_captured(request_frame(read_command(0), 1), reply, reply, {7, 9},
                                      free_reply_fields());
  EXPECT_EQ(found, (std::vector<Mismatch>{{"address", "e7.9", "e1.1"}}));
}

TEST(ReplyComparison, EveryFreeFieldIsAField) {
  for (const std::string& field : free_reply_fields()) EXPECT_TRUE(reply_fields().contains(field));
}

}  // namespace
}  // namespace aoe::harness
