#include "harness/link/ledger.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"
#include "proto/describe.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;

class LedgerTest : public testing::Test {
 protected:
  FrameId add(Direction direction, const FrameBytes& frame, microseconds at) {
    return ledger.add(direction, frame, origin + at).id;
  }
  void deliver(FrameId id, microseconds at) {
    if (++ledger[id].deliveries == 1) ledger[id].delivered = origin + at;
  }

  /// "SUMMARY: FATE"
  std::string line(FrameId id) const {
    return fmt::format("{}: {}", ledger.summary(id), ledger.fate(id));
  }

  static constexpr Instant origin{std::chrono::hours(5)};
  Ledger ledger{origin};
};

TEST_F(LedgerTest, KeepsTheBytesOfTheNewestFrames) {
  const FrameBytes frame = request_frame(read_command(2), 0x8000'a3c1);
  EXPECT_TRUE(ledger.bytes(add(Direction::to_target, frame, microseconds(1))).empty());

  Ledger keeper{origin};
  keeper.keep_bytes(2 * frame.size());
  for (int i = 0; i < 3; ++i) keeper.add(Direction::to_target, frame, origin);
  EXPECT_TRUE(keeper.bytes(0).empty());
  EXPECT_TRUE(std::ranges::equal(keeper.bytes(1), frame));
  EXPECT_TRUE(std::ranges::equal(keeper.bytes(2), frame));
  EXPECT_TRUE(keeper.bytes(3).empty());
}

TEST_F(LedgerTest, EachFrameHasASummaryAndAFate) {
  const FrameId lost =
      add(Direction::to_target, request_frame(read_command(2), 0x8000'a3c1), microseconds(12'345));
  ledger[lost].dropped_by = ledger.keep("f1");
  const FrameId again =
      add(Direction::to_target, request_frame(read_command(2), 0x8000'a3c2), microseconds(112'345));
  ledger[again].repeats = lost;
  deliver(again, microseconds(112'445));
  const FrameId reply =
      add(Direction::to_initiator, reply_frame(0x8000'a3c2, 2), microseconds(112'500));
  EXPECT_EQ(line(lost), "e1.1 READ EXT lba 2+2 tag 8000a3c1: dropped by f1");
  EXPECT_EQ(line(again), "e1.1 READ EXT lba 2+2 tag 8000a3c2: retransmission of #0");
  EXPECT_EQ(line(reply), "e1.1 ATA reply ok lba 2 left 0 tag 8000a3c2: on its way");
  deliver(reply, microseconds(112'600));
  EXPECT_EQ(line(reply), "e1.1 ATA reply ok lba 2 left 0 tag 8000a3c2: ");
  deliver(reply, microseconds(112'600));
  ledger[reply].struck_by = ledger.keep("twice late");
  EXPECT_EQ(line(reply),
            "e1.1 ATA reply ok lba 2 left 0 tag 8000a3c2: delivered 2 times "
            "(twice late)");
}

TEST_F(LedgerTest, ABadFrameHasThemToo) {
  add(Direction::to_initiator, FrameBytes(5), microseconds(0));
  deliver(0, microseconds(0));
  EXPECT_EQ(line(0),
            "bad frame, 5 bytes: frame too short (offset 0: have 5, "
            "need 24): ");
}

TEST_F(LedgerTest, ItIsWrittenAsOneJsonObjectALine) {
  const FrameId lost =
      add(Direction::to_target, request_frame(read_command(2), 0x8000'a3c1), microseconds(12));
  const FrameId again =
      add(Direction::to_target, request_frame(read_command(2), 0x8000'a3c2), microseconds(100'012));
  ledger[lost].dropped_by = ledger.keep("f1");
  ledger[lost].struck_by = ledger.keep("f0");
  ledger[lost].repeated_by = again;
  ledger[again].repeats = lost;
  deliver(again, microseconds(100'112));
  const Folder folder;
  ASSERT_TRUE(ledger.write(folder.path("ledger.jsonl")));
  EXPECT_EQ(read_text(folder.path("ledger.jsonl")),
            R"({"id":0,"t":12000,"direction":"to-target","size":60,)"
            R"("frame":"e1.1 READ EXT lba 2+2 tag 8000a3c1","deliveries":0,)"
            R"("struck-by":"f0","dropped-by":"f1","repeated-by":1})"
            "\n"
            R"({"id":1,"t":100012000,"direction":"to-target","size":60,)"
            R"("frame":"e1.1 READ EXT lba 2+2 tag 8000a3c2","deliveries":1,"delivered":100112000,)"
            R"("repeats":0})"
            "\n");
}

TEST_F(LedgerTest, WhateverTheFrameItsSummaryIsWhatDescribeSays) {
  AtaRequest odd = read_command(7);
  odd.opcode = ata::Opcode{0x99};
  odd.feature = 0xd0;
  odd.flags.asynchronous = true;
  const Header header{client_mac, server_mac, disk, 0xffff'fffe};
  const FrameBytes frames[] = {
      request_frame(odd, 5),
      request_frame(write_command(1), 6),
      frame_of(header, AtaReply{.error = 0x10, .sectors_left = 2, .status = 0x41, .lba = 9}),
      frame_of(header, ErrorReply{0, ErrorCode::target_reserved}),
      frame_of(header, ErrorReply{1, ErrorCode::config_string_present}),
      query_frame(),
      FrameBytes(30),
  };
  for (const FrameBytes& frame : frames) {
    std::array<char, description_size_max> room;
    EXPECT_EQ(ledger.summary(add(Direction::to_target, frame, microseconds(0))),
              aoe::describe(Bytes(frame), room));
  }
}

TEST_F(LedgerTest, WhatDiffersInItsTagOnlyIsKeptOnce) {
  const Header one{client_mac, server_mac, disk, 1};
  const Header two{client_mac, server_mac, disk, 2};
  const FrameId first = add(Direction::to_initiator, frame_of(one, ConfigReply{}), microseconds(0));
  const FrameId second =
      add(Direction::to_initiator, frame_of(two, ConfigReply{}), microseconds(0));
  EXPECT_EQ(ledger[first].what, ledger[second].what);
  EXPECT_NE(ledger.summary(first), ledger.summary(second));
}

TEST_F(LedgerTest, QuotesInALineAreEscaped) {
  const std::string text = "a\"b\\";
  const Bytes string(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  add(Direction::to_initiator,
      frame_of({client_mac, server_mac, disk, 1}, ConfigReply{.string = string}), microseconds(0));
  const Folder folder;
  ASSERT_TRUE(ledger.write(folder.path("ledger.jsonl")));
  EXPECT_NE(read_text(folder.path("ledger.jsonl")).find(R"(\"a\"b\\\" (4) tag 00000001")"),
            std::string::npos);
}

TEST_F(LedgerTest, AFileThatCannotBeWrittenIsNamed) {
  add(Direction::to_target, query_frame(), microseconds(0));
  EXPECT_EQ(ledger.write("/nowhere/ledger.jsonl").error(),
            "/nowhere/ledger.jsonl: No such file or directory");
  EXPECT_EQ(ledger.write("/dev/full").error(), "/dev/full: No space left on device");
}

}  // namespace
}  // namespace aoe::harness
