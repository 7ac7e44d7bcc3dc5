#include "harness/data/disk_model.h"

#include <gtest/gtest.h>

#include "harness/data/pattern.h"
#include "proto/codes.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t disk_sectors = 32;

std::vector<std::uint8_t> sectors(std::uint64_t lba, std::uint64_t count, std::uint32_t version) {
  std::vector<std::uint8_t> bytes(count * sector_size);
  fill_pattern(lba, version, bytes);
  return bytes;
}

std::string wrong(const std::optional<std::string>& found) {
  return found.value_or("right");
}

class DiskModelTest : public testing::Test {
 protected:
  std::uint32_t write(std::uint64_t lba, std::uint64_t count) {
    const std::uint32_t version = model.begin_write(lba, count);
    model.acknowledge(lba, count, version);
    return version;
  }
  std::string read(std::uint64_t lba, const std::vector<std::uint8_t>& data) {
    return wrong(model.end_read(model.begin_read(lba, data.size() / sector_size), data));
  }

  DiskModel model{disk_sectors, true};
};

TEST_F(DiskModelTest, AtFirstEverySectorHoldsThePattern) {
  EXPECT_EQ(read(0, sectors(0, disk_sectors, 0)), "right");
  EXPECT_EQ(wrong(model.verify(0, sectors(0, disk_sectors, 0))), "right");
  EXPECT_EQ(read(3, std::vector<std::uint8_t>(512)),
            "sector 3 holds zeros, expected what it held at first");
}

TEST_F(DiskModelTest, OrZeros) {
  DiskModel zeros(disk_sectors, false);
  EXPECT_EQ(wrong(zeros.verify(0, std::vector<std::uint8_t>(2 * sector_size))), "right");
  EXPECT_EQ(wrong(zeros.verify(0, sectors(0, 1, 0))),
            "sector 0 holds bytes that were never written, expected what it held at first");
}

TEST_F(DiskModelTest, AnAcknowledgedWriteIsThereAndNothingOlder) {
  EXPECT_EQ(write(4, 2), 1U);
  EXPECT_EQ(read(4, sectors(4, 2, 1)), "right");
  EXPECT_EQ(read(4, sectors(4, 2, 0)), "sector 4 holds what it held at first, expected write 1");
  EXPECT_EQ(write(4, 2), 2U);
  EXPECT_EQ(read(4, sectors(4, 2, 1)), "sector 4 holds write 1, expected write 2");
  EXPECT_EQ(wrong(model.verify(4, sectors(4, 1, 1))), "sector 4 holds write 1, expected write 2");
}

TEST_F(DiskModelTest, AWriteOnItsWayMayBeThereOrNot) {
  model.begin_write(4, 1);
  EXPECT_EQ(read(4, sectors(4, 1, 0)), "right");
  EXPECT_EQ(read(4, sectors(4, 1, 1)), "right");
  EXPECT_EQ(read(4, std::vector<std::uint8_t>(512)),
            "sector 4 holds zeros, expected what it held at first or write 1");
}

TEST_F(DiskModelTest, TheNextAcknowledgedWriteEndsTheDoubt) {
  model.begin_write(4, 1);  // and fails
  write(4, 1);
  EXPECT_EQ(read(4, sectors(4, 1, 2)), "right");
  EXPECT_EQ(read(4, sectors(4, 1, 1)), "sector 4 holds write 1, expected write 2");
  EXPECT_EQ(read(4, sectors(4, 1, 0)), "sector 4 holds what it held at first, expected write 2");
}

TEST_F(DiskModelTest, AWriteConcernsItsOwnSectorsOnly) {
  write(4, 2);
  EXPECT_EQ(read(3, sectors(3, 1, 0)), "right");
  EXPECT_EQ(read(6, sectors(6, 1, 0)), "right");
  EXPECT_EQ(read(5, sectors(5, 1, 0)), "sector 5 holds what it held at first, expected write 1");
}

TEST_F(DiskModelTest, ARightPieceDoesNotHideAWrongOne) {
  std::vector<std::uint8_t> data = sectors(8, 3, 0);
  data[2 * sector_size + 511] ^= 1;
  EXPECT_EQ(read(8, data),
            "sector 10 holds bytes that were never written, expected what it held at first");
}

TEST_F(DiskModelTest, AnotherSectorsDataIsRecognised) {
  write(9, 1);
  EXPECT_EQ(read(8, sectors(9, 1, 1)),
            "sector 8 holds what belongs to sector 9, expected what it held at first");
}

TEST_F(DiskModelTest, AReadMayShowWhatWasRightWhenItBegan) {
  const auto snapshot = model.begin_read(4, 1);
  write(4, 1);
  EXPECT_EQ(wrong(model.end_read(snapshot, sectors(4, 1, 0))), "right");
  EXPECT_EQ(wrong(model.end_read(snapshot, sectors(4, 1, 1))), "right");
}

TEST(Pattern, NoSectorOrVersionPassesForAnother) {
  const auto sector = sectors(7, 1, 3);
  EXPECT_TRUE(holds_pattern(7, 3, sector));
  EXPECT_FALSE(holds_pattern(7, 2, sector));
  EXPECT_FALSE(holds_pattern(6, 3, sector));
}

}  // namespace
}  // namespace aoe::harness
