#include "proto/ata.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace aoe::ata {
namespace {

TEST(Ata, OpcodesMoveDataAsTheyAreSaidTo) {
  std::set<int> reads, writes, flushes, identifies;
  for (int value = 0; value < 256; ++value) {
    switch (kind(static_cast<Opcode>(value))) {
      case Kind::read: reads.insert(value); break;
      case Kind::write: writes.insert(value); break;
      case Kind::flush: flushes.insert(value); break;
      case Kind::identify: identifies.insert(value); break;
      case Kind::other: break;
    }
  }
  EXPECT_EQ(reads, (std::set<int>{0x20, 0x24, 0x25, 0xc8}));
  EXPECT_EQ(writes, (std::set<int>{0x30, 0x34, 0x35, 0xca}));
  EXPECT_EQ(flushes, (std::set<int>{0xe7, 0xea}));
  EXPECT_EQ(identifies, (std::set<int>{0xec}));
}

TEST(Ata, KnownOpcodesHaveNamesOfTheirOwn) {
  std::set<std::string> names;
  int unnamed = 0;
  for (int value = 0; value < 256; ++value) {
    const std::string name(ata::name(static_cast<Opcode>(value)));
    if (name == "ATA") {
      ++unnamed;
    } else {
      EXPECT_TRUE(names.insert(name).second) << name;
    }
  }
  EXPECT_EQ(names.size(), 20U);
  EXPECT_EQ(unnamed, 256 - 20);
  EXPECT_EQ(name(Opcode::read_sectors_ext), "READ EXT");
}

TEST(Ata, AFailedStatusIsWhatTheLinuxDriverTakesForOne) {
  EXPECT_EQ(status_failed, 0xa9);
}

}  // namespace
}  // namespace aoe::ata
