#include "base/bytes.h"

#include <array>

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(Reader, ReadsBigEndianNumbersInTurn) {
  const std::array<std::uint8_t, 9> bytes{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xee, 0xff};
  Reader in(bytes);
  EXPECT_EQ(in.u8(), 0x01);
  EXPECT_EQ(in.u16(), 0x2345);
  EXPECT_EQ(in.u32(), 0x6789abcdU);
  EXPECT_EQ(in.remaining(), 2U);
  const Bytes last = in.take(2);
  EXPECT_EQ(last.data(), &bytes[7]) << "a view, not a copy";
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_TRUE(in.rest().empty());
  EXPECT_TRUE(in.take(0).empty());
}

TEST(Reader, KeepsTheHighBitOfA32BitNumber) {
  const std::array<std::uint8_t, 4> bytes{0xff, 0xfe, 0xfd, 0xfc};
  EXPECT_EQ(Reader(bytes).u32(), 0xfffefdfcU);
}

TEST(ReaderDeath, ReadingPastTheEndIsABug) {
  const std::array<std::uint8_t, 3> bytes{};
  EXPECT_DEATH(Reader(bytes).take(4), "invariant broken");
  EXPECT_DEATH(Reader(bytes).u32(), "invariant broken");
  EXPECT_DEATH(Reader(Bytes(bytes).first(1)).u16(), "invariant broken");
  EXPECT_DEATH(Reader(Bytes{}).u8(), "invariant broken");
}

TEST(Writer, WritesBigEndianNumbersInTurn) {
  std::array<std::uint8_t, 13> room;
  room.fill(0xaa);
  Writer out(room);
  out.u8(0x01);
  out.u16(0x2345);
  out.u32(0x6789abcd);
  out.bytes(std::array<std::uint8_t, 2>{0xee, 0xff});
  out.skip(1);
  out.zeros(2);
  EXPECT_EQ(out.written(), 12U);
  EXPECT_EQ(room, (std::array<std::uint8_t, 13>{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xee,
                                                0xff, 0xaa, 0, 0, 0xaa}));
}

TEST(WriterDeath, WritingPastTheEndIsABug) {
  std::array<std::uint8_t, 3> room{};
  EXPECT_DEATH(Writer(room).u32(0), "invariant broken");
  EXPECT_DEATH(Writer(room).zeros(4), "invariant broken");
  EXPECT_DEATH(Writer(room).skip(4), "invariant broken");
  EXPECT_DEATH(Writer(room).bytes(std::array<std::uint8_t, 4>{}), "invariant broken");
  EXPECT_DEATH(Writer(MutableBytes{}).u8(0), "invariant broken");
  EXPECT_DEATH(Writer(room).zeros(SIZE_MAX), "invariant broken") << "and no sum wraps around";
}

}  // namespace
}  // namespace aoe
