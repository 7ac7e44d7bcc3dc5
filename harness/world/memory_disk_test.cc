#include "harness/world/memory_disk.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/judge/pattern.h"
#include "target/testing/test_operation.h"

namespace aoe::harness {
namespace {

using target::flush;
using target::read_from;
using target::write_to;

constexpr std::uint64_t sectors = 64;

std::vector<std::uint8_t> filled(std::uint64_t lba, std::uint32_t version, std::size_t count = 1) {
  std::vector<std::uint8_t> bytes(count * sector_size);
  fill_pattern(lba, version, bytes);
  return bytes;
}

class MemoryDiskTest : public testing::Test {
 protected:
  bool write(std::uint64_t lba, std::uint32_t version, std::size_t count = 1) {
    return !write_to(*store, lba * sector_size, filled(lba, version, count));
  }
  bool holds(std::uint64_t lba, std::uint32_t version) const {
    return holds_pattern({lba, version}, disk.bytes().subspan(lba * sector_size, sector_size));
  }
  bool reads(std::uint64_t lba, std::size_t count = 1) {
    return read_from(*store, lba * sector_size, count * sector_size).has_value();
  }

  MemoryDisk disk{sectors, true, 1};
  std::unique_ptr<target::Store> store = disk.connect();
};

TEST_F(MemoryDiskTest, WhatWasWrittenIsReadByWhoeverComesNext) {
  ASSERT_TRUE(write(3, 1));
  store = disk.connect();
  EXPECT_EQ(read_from(*store, 3 * sector_size, sector_size), filled(3, 1));
  EXPECT_EQ(read_from(*store, 4 * sector_size, sector_size), filled(4, 0));
}

TEST_F(MemoryDiskTest, WhatWasFlushedOutlivesACrash) {
  ASSERT_TRUE(write(0, 1, sectors));
  ASSERT_FALSE(flush(*store));
  disk.lose_cache();
  for (std::uint64_t lba = 0; lba < sectors; ++lba) EXPECT_TRUE(holds(lba, 1)) << lba;
}

TEST_F(MemoryDiskTest, WhatWasNotFlushedIsThereOrNotSectorBySector) {
  ASSERT_TRUE(write(0, 1, sectors));
  ASSERT_FALSE(flush(*store));
  ASSERT_TRUE(write(0, 2, sectors / 2));
  ASSERT_TRUE(write(0, 3, sectors / 2));
  disk.lose_cache();
  int lost = 0;
  for (std::uint64_t lba = 0; lba < sectors / 2; ++lba) {
    EXPECT_TRUE(holds(lba, 1) || holds(lba, 3)) << lba;
    lost += holds(lba, 1);
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, static_cast<int>(sectors / 2));
  for (std::uint64_t lba = sectors / 2; lba < sectors; ++lba) EXPECT_TRUE(holds(lba, 1)) << lba;
}

TEST_F(MemoryDiskTest, WhatIsLostIsUpToTheSeed) {
  const auto left = [](std::uint64_t seed) {
    MemoryDisk disk(sectors, true, seed);
    EXPECT_FALSE(write_to(*disk.connect(), 0, filled(0, 1, sectors)));
    disk.lose_cache();
    return std::vector(disk.bytes().begin(), disk.bytes().end());
  };
  EXPECT_EQ(left(1), left(1));
  EXPECT_NE(left(1), left(2));
}

TEST_F(MemoryDiskTest, ATrimIsLostLikeAWrite) {
  ASSERT_FALSE(target::trim(*store, {{8, 16}}));
  EXPECT_FALSE(holds(8, 0));
  disk.lose_cache();
  std::set<bool> kept;
  for (std::uint64_t lba = 8; lba < 24; ++lba) kept.insert(holds(lba, 0));
  EXPECT_EQ(kept.size(), 2U);
}

TEST_F(MemoryDiskTest, FaultsStrikeTheirOperationsInTheirRangeUntilTheyAreGone) {
  disk.set_faults(DiskFaults{.writes = false, .lba = 10, .sectors = 2});
  EXPECT_TRUE(reads(8, 2));
  EXPECT_FALSE(reads(9, 2));
  EXPECT_FALSE(reads(11));
  EXPECT_TRUE(reads(12));
  EXPECT_TRUE(write(10, 1));
  EXPECT_FALSE(flush(*store));
  EXPECT_TRUE(store->view(10 * sector_size, sector_size).value_or(Bytes{}).empty())
      << "no way around the fault";
  EXPECT_FALSE(store->view(12 * sector_size, sector_size).value_or(Bytes{}).empty());
  disk.set_faults(std::nullopt);
  EXPECT_TRUE(reads(9, 4));
}

TEST_F(MemoryDiskTest, AWriteThatFailsChangesNothing) {
  disk.set_faults(DiskFaults{.reads = false, .flushes = true});
  EXPECT_FALSE(write(5, 1));
  EXPECT_TRUE(flush(*store));
  EXPECT_TRUE(reads(5));
  EXPECT_TRUE(holds(5, 0));
}

TEST_F(MemoryDiskTest, ACountOfFaultsIsUsedUpByWhatTheyStrike) {
  disk.set_faults(DiskFaults{.lba = 10, .sectors = 2, .count = 2});
  EXPECT_TRUE(reads(8));
  EXPECT_FALSE(reads(10));
  EXPECT_FALSE(write(11, 1));
  EXPECT_TRUE(reads(10));
  EXPECT_TRUE(write(11, 1));
}

}  // namespace
}  // namespace aoe::harness
