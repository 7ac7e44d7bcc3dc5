#include "initiator/mount/read_ahead.h"

#include <random>

#include <gtest/gtest.h>

#include "initiator/mount/test_sector_disk.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};
constexpr std::size_t disk_sectors = 64;
constexpr std::uint64_t disk_end = disk_sectors * sector_size;

class ReadAheadTest : public testing::Test {
 protected:
  TestSectorDisk disk{disk_sectors};
  ByteDisk bytes{disk};
  ByteLimit limit{16 * sector_size};
  std::shared_ptr<ReadAhead::Source> source{
      std::make_shared<ReadAhead::Source>(ReadAhead::Source{bytes, limit})};
  std::optional<ReadAhead> ahead{source};
  Instant now = start;
  std::string got;  // the first octet of each read
  CancelSlot slot;

  /// Asks for sectors. What was begun for it is as TestSectorDisk tells it.
  std::string ask(std::uint64_t first, std::size_t sectors = 1, std::uint64_t end = disk_end) {
    ahead->read(
        first * sector_size, sectors * sector_size, end,
        [this](boost::system::error_code error, Bytes read) {
          got += error ? '!' : static_cast<char>(read[0]);
        },
        slot, now);
    return disk.begun();
  }
  void put(std::uint64_t sector, char content) {
    disk.content[sector * sector_size] = static_cast<std::uint8_t>(content);
  }
};

TEST_F(ReadAheadTest, BeginsWithASecondReadThatFollowsAndDoublesWithEachItCouldAnswer) {
  for (std::uint64_t i = 0; i < 16; ++i) put(i, static_cast<char>('a' + i));
  EXPECT_EQ(ask(4), "read 4+1");
  EXPECT_EQ(ask(5), "read 5+1 read 6+1");
  disk.run();
  EXPECT_EQ(ask(6), "read 7+1 read 8+1");
  disk.run();
  EXPECT_EQ(ask(7), "read 9+1 read 10+1 read 11+1");
  disk.run();
  EXPECT_EQ(got, "efgh");
}

TEST_F(ReadAheadTest, ReadsThatJumpReadNothingAhead) {
  EXPECT_EQ(ask(4), "read 4+1");
  EXPECT_EQ(ask(9), "read 9+1");
  EXPECT_EQ(ask(1), "read 1+1");
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  EXPECT_EQ(ask(40), "read 40+1");
  disk.run();
  EXPECT_EQ(got, "ooooo");
}

TEST_F(ReadAheadTest, AReadOfAnotherSizeIsAnsweredByTheDisk) {
  ask(0);
  ask(1);
  EXPECT_EQ(ask(2, 3), "read 2+3 read 5+3");
  disk.run();
  EXPECT_EQ(got, "ooo");
}

TEST_F(ReadAheadTest, WaitsForWhatIsUnderWay) {
  ask(0);
  ask(1);
  put(2, 'c');
  EXPECT_EQ(ask(2), "read 3+1 read 4+1");
  EXPECT_EQ(got, "");
  disk.step();
  disk.step();
  EXPECT_EQ(got, "oo");
  disk.step();
  EXPECT_EQ(got, "ooc");
}

TEST_F(ReadAheadTest, EndsWhereTheFileDoes) {
  ask(0, 2, 5 * sector_size);
  EXPECT_EQ(ask(2, 2, 5 * sector_size), "read 2+2 read 4+1");
  disk.run();
  EXPECT_EQ(ask(4, 1, 5 * sector_size), "");
  EXPECT_EQ(got, "ooo");
}

TEST_F(ReadAheadTest, WhatIsWrittenOrZeroedIsReadAgain) {
  ask(0);
  ask(1);
  disk.run();
  const std::vector<std::uint8_t> data(sector_size, 'w');
  bytes.write(2 * sector_size, data, [](auto) {});
  disk.run();
  disk.begun();
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  disk.run();
  bytes.zero(3 * sector_size, sector_size, [](auto) {});
  disk.run();
  disk.begun();
  EXPECT_EQ(ask(3), "read 3+1 read 4+1");
  disk.run();
  EXPECT_EQ(got, std::string("oow\0", 4));
}

TEST_F(ReadAheadTest, WhatIsWrittenElsewhereChangesNothing) {
  ask(0);
  ask(1);
  disk.run();
  const std::vector<std::uint8_t> data(sector_size, 'w');
  bytes.write(9 * sector_size, data, [](auto) {});
  disk.run();
  disk.begun();
  EXPECT_EQ(ask(2), "read 3+1 read 4+1");
}

// A write in part reads its sector first: what is read ahead meanwhile is as old.
TEST_F(ReadAheadTest, AWriteThatHasNotReachedTheDiskIsNotOvertaken) {
  ask(0);
  disk.run();
  const std::vector<std::uint8_t> data(1, 'w');
  bytes.write(2 * sector_size, data, [](auto) {});
  disk.begun();
  EXPECT_EQ(ask(1), "read 1+1 read 2+1");
  disk.run();
  disk.begun();
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  disk.run();
  EXPECT_EQ(got, "oow");
}

TEST_F(ReadAheadTest, WhatIsOldIsReadAgain) {
  ask(0);
  ask(1);
  disk.run();
  put(2, 'n');
  now += ReadAhead::age_max + 1ns;
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  disk.run();
  EXPECT_EQ(got, "oon");
}

TEST_F(ReadAheadTest, WhatFailedAheadIsReadAgain) {
  ask(0);
  ask(1);
  disk.step();
  disk.step();
  disk.step(make_error_code(boost::system::errc::io_error));
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  disk.run();
  EXPECT_EQ(got, "ooo");
}

TEST_F(ReadAheadTest, AnErrorOfWhatIsWaitedForIsTheReaders) {
  ask(0);
  ask(1);
  ask(2);
  disk.step();
  disk.step();
  disk.step(make_error_code(boost::system::errc::io_error));
  EXPECT_EQ(got, "oo!");
}

TEST_F(ReadAheadTest, HoldsNoMoreThanAllFilesMay) {
  ask(0, 8);
  EXPECT_EQ(ask(8, 8), "read 8+8 read 16+8");
  ReadAhead other(source);
  const auto ask_other = [&](std::uint64_t first) {
    other.read(
        first * sector_size, 12 * sector_size, disk_end, [](auto, Bytes) {}, {}, now);
    return disk.begun();
  };
  ask_other(0);
  EXPECT_EQ(ask_other(12), "read 12+12") << "and nothing ahead";
  disk.run();
  ahead.reset();
  EXPECT_EQ(ask_other(24), "read 24+12 read 36+12");
  disk.run();
}

TEST_F(ReadAheadTest, AReaderThatIsKilledWaitsNoLonger) {
  boost::asio::cancellation_signal killed;
  ask(0);
  ask(1);
  slot = killed.slot();
  ask(2);
  killed.emit(boost::asio::cancellation_type::total);
  EXPECT_EQ(disk.cancelled, "2");
  disk.run();
}

TEST_F(ReadAheadTest, WhatNobodyWaitsForIsCancelled) {
  ask(0);
  ask(1);
  ask(9);
  EXPECT_EQ(disk.cancelled, "2");
  ask(10);
  ahead.reset();
  EXPECT_EQ(disk.cancelled, "2 11");
  disk.run();
}

TEST_F(ReadAheadTest, WhatIsUnderWayForLongIsAskedForAgain) {
  ask(0);
  ask(1);
  now += ReadAhead::age_max + 1ns;
  EXPECT_EQ(ask(2), "read 2+1 read 3+1");
  disk.run();
}

TEST_F(ReadAheadTest, WhatIsOldMakesRoomForOthers) {
  ask(0, 8);
  ask(8, 8);
  ReadAhead other(source);
  const auto ask_other = [&](std::uint64_t first) {
    other.read(
        first * sector_size, 12 * sector_size, disk_end, [](auto, Bytes) {}, {}, now);
    return disk.begun();
  };
  disk.run();
  ask_other(0);
  now += ReadAhead::age_max + 1ns;
  EXPECT_EQ(ask_other(12), "read 12+12 read 24+12");
  disk.run();
}

TEST_F(ReadAheadTest, MayEndWhileReadsAreUnderWay) {
  ask(0);
  ask(1);
  ask(2);
  ahead.reset();
  disk.run();
  EXPECT_EQ(got, "ooo") << "who waits is answered";
  EXPECT_TRUE(limit.try_enter(16 * sector_size)) << "all is given back";
}

// Over many seeds: whatever is written, however the disk takes its time, a reader sees nothing older
// than what was acknowledged when he asked.
TEST_F(ReadAheadTest, NothingIsReadThatWasOverwrittenBefore) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    TestSectorDisk there(disk_sectors);
    std::ranges::fill(there.content, std::uint8_t{0});
    ByteDisk under(there);
    ByteLimit room{disk_end};
    const auto shared = std::make_shared<ReadAhead::Source>(ReadAhead::Source{under, room});
    ReadAhead reader(shared);
    std::array<std::uint8_t, disk_sectors> begun{};  // the last content of each sector that was
    std::array<std::uint8_t, disk_sectors> acknowledged{};
    std::list<std::vector<std::uint8_t>> data;
    std::uint64_t place = 0;
    for (int step = 0; step < 400; ++step) {
      const unsigned what = random() % 8;
      if (what == 0) {
        const std::size_t sector = random() % disk_sectors;
        const std::uint8_t content = ++begun[sector];
        auto& bytes_to_write = data.emplace_back(sector_size, content);
        const bool in_part = random() % 2 == 0;  // the first octet counts
        under.write(sector * sector_size, Bytes(bytes_to_write).first(in_part ? 1 : sector_size),
                    [&acknowledged, sector, content](auto) { acknowledged[sector] = content; });
      } else if (what < 4) {
        if (place == disk_sectors || random() % 16 == 0) place = random() % disk_sectors;
        const std::uint64_t sector = place++;
        reader.read(
            sector * sector_size, sector_size, disk_end,
            [&begun, sector, at_least = acknowledged[sector], seed](auto, Bytes read) {
              ASSERT_GE(read[0], at_least) << "seed " << seed << ", sector " << sector;
              ASSERT_LE(read[0], begun[sector]) << "seed " << seed << ", sector " << sector;
            },
            {}, start);
      } else if (!there.waiting.empty()) {
        there.step();
      }
    }
    there.run();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace aoe::initiator
