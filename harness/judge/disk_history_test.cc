#include "harness/judge/disk_history.h"

#include <gtest/gtest.h>

#include "proto/codes.h"

namespace aoe::harness {
namespace {

constexpr std::uint64_t disk_sectors = 32;
constexpr std::uint64_t at = 4;  // the sector that most tests are about

using Data = std::vector<std::uint8_t>;

Data sectors(std::uint64_t lba, std::uint64_t count, Version version) {
  Data bytes(count * sector_size);
  fill_pattern(lba, version, bytes);
  return bytes;
}

const Data zeros(sector_size);

std::string text(const std::optional<WrongData>& wrong) {
  return wrong ? wrong->text : "right";
}

/// One sector is written and read; what is read is judged.
class DiskHistoryTest : public testing::Test {
 protected:
  Version begin() { return history.begin_write(at, 1); }
  void acknowledge(Version version) { history.end_write(at, 1, version, true); }
  void fail(Version version) { history.end_write(at, 1, version, false); }
  Version write(std::uint64_t lba = at, std::uint64_t count = 1) {
    const Version version = history.begin_write(lba, count);
    history.end_write(lba, count, version, true);
    return version;
  }
  std::string read(std::uint64_t lba, const Data& data) {
    return text(history.end_read(history.begin_read(), lba, data));
  }
  std::string read(Version version) { return read(at, sectors(at, 1, version)); }
  std::string end(Moment begun, Version version) {
    return text(history.end_read(begun, at, sectors(at, 1, version)));
  }
  void flush() { history.end_flush(history.begin_flush(), true); }

  DiskHistory history{disk_sectors, DiskHistory::Fill::pattern};
};

TEST_F(DiskHistoryTest, AtFirstEverySectorHoldsThePattern) {
  EXPECT_EQ(read(0, sectors(0, disk_sectors, 0)), "right");
  EXPECT_EQ(text(history.verify(0, sectors(0, disk_sectors, 0))), "right");
  EXPECT_EQ(read(3, zeros), "sector 3 holds zeros, expected what it held at first");
}

TEST_F(DiskHistoryTest, OrZeros) {
  DiskHistory blank(disk_sectors, DiskHistory::Fill::zeros);
  EXPECT_EQ(text(blank.verify(0, Data(2 * sector_size))), "right");
  EXPECT_EQ(text(blank.verify(0, sectors(0, 1, 0))),
            "sector 0 holds bytes that were never written, expected what it held at first");
}

TEST_F(DiskHistoryTest, OrWhatWasFoundThereWhichDoesNotChange) {
  DiskHistory found(disk_sectors, DiskHistory::Fill::found);
  EXPECT_EQ(text(found.verify(0, Data(sector_size, 7))), "right");
  EXPECT_EQ(text(found.verify(0, Data(sector_size, 7))), "right");
  EXPECT_EQ(text(found.verify(0, Data(sector_size, 8))),
            "sector 0 holds bytes that were never written, expected what it held at first");
  found.end_write(0, 1, found.begin_write(0, 1), true);
  EXPECT_EQ(text(found.verify(0, sectors(0, 1, 1))), "right");
  EXPECT_EQ(text(found.verify(0, Data(sector_size, 7))),
            "sector 0 holds what it held at first, expected write 1");
}

TEST_F(DiskHistoryTest, AnAcknowledgedWriteIsThereAndNothingOlder) {
  EXPECT_EQ(write(at, 2), 1U);
  EXPECT_EQ(read(at, sectors(at, 2, 1)), "right");
  EXPECT_EQ(read(0U), "sector 4 holds what it held at first, expected write 1");
  EXPECT_EQ(history.open_sectors(), 0U) << "and no more is remembered";
}

TEST_F(DiskHistoryTest, AWriteConcernsItsOwnSectorsOnly) {
  write(at, 2);
  EXPECT_EQ(read(3, sectors(3, 1, 0)), "right");
  EXPECT_EQ(read(6, sectors(6, 1, 0)), "right");
  EXPECT_EQ(read(5, sectors(5, 1, 0)), "sector 5 holds what it held at first, expected write 1");
}

TEST_F(DiskHistoryTest, WrongDataSaysWhatItIs) {
  Data data = sectors(8, 3, 0);
  data[2 * sector_size + 511] ^= 1;
  EXPECT_EQ(read(8, data),
            "sector 10 holds what it held at first damaged, expected what it held at first");
  write(9, 1);
  EXPECT_EQ(read(8, sectors(9, 1, 1)),
            "sector 8 holds what belongs to sector 9 (write 1), expected what it held at first");
  EXPECT_EQ(read(8, Data(sector_size, 1)),
            "sector 8 holds bytes that were never written, expected what it held at first");
  EXPECT_EQ(read(8, sectors(8, 1, 2)),
            "sector 8 holds bytes that were never written, expected what it held at first")
      << "there was no write 2 yet";
}

// Reads and writes at once.

TEST_F(DiskHistoryTest, AWriteAtWorkMayBeThereOrNotButNotThereAndGone) {
  begin();
  EXPECT_EQ(read(0U), "right");
  EXPECT_EQ(read(at, zeros), "sector 4 holds zeros, expected what it held at first or write 1");
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(0U), "sector 4 holds what it held at first, expected write 1");
}

TEST_F(DiskHistoryTest, AReadMayShowWhatWasThereAtAnyMomentOfItsOwn) {
  const Moment slow = history.begin_read();
  const Moment other = history.begin_read();
  write();
  write();
  EXPECT_EQ(end(slow, 0), "right");
  EXPECT_EQ(end(other, 1), "right");
  EXPECT_EQ(read(1), "sector 4 holds write 1, expected write 2");
}

TEST_F(DiskHistoryTest, OfTwoReadsTheSecondShowsNothingOlderThanTheFirst) {
  const Version version = begin();
  const Moment slow = history.begin_read();
  EXPECT_EQ(read(1), "right");
  const Moment later = history.begin_read();
  EXPECT_EQ(end(later, 0), "sector 4 holds what it held at first, expected write 1");
  EXPECT_EQ(end(slow, 0), "right") << "it began before";
  acknowledge(version);
}

TEST_F(DiskHistoryTest, WritesAtOnceMayTakeEffectInEitherOrderButInOne) {
  const Version first = begin();
  const Version second = begin();
  acknowledge(second);
  acknowledge(first);
  EXPECT_EQ(read(0U), "sector 4 holds what it held at first, expected write 1 or write 2");
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(2), "sector 4 holds write 2, expected write 1");
}

TEST_F(DiskHistoryTest, AWriteThatEndedBeforeAnotherBeganIsGone) {
  write();
  write();
  EXPECT_EQ(read(1), "sector 4 holds write 1, expected write 2");
}

// Writes that fail, and copies that come late.

TEST_F(DiskHistoryTest, AWriteThatFailedMayBeThereOrNotAndMayComeYet) {
  fail(begin());
  EXPECT_EQ(read(0U), "right");
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(0U), "sector 4 holds what it held at first, expected write 1");
}

TEST_F(DiskHistoryTest, TheNextAcknowledgedWriteEndsTheDoubt) {
  fail(begin());
  const Version next = begin();
  EXPECT_EQ(read(1), "right") << "not yet";
  acknowledge(next);
  EXPECT_EQ(read(2), "right");
  EXPECT_EQ(read(1),
            "sector 4 holds write 1, which came back after write 2 was acknowledged: a "
            "late duplicate");
}

TEST_F(DiskHistoryTest, ACopyThatIsSeenToArriveLateIsNamedThoughNobodyReadBetween) {
  write();
  write();
  history.copy_arrived(at, sectors(at, 1, 1));
  EXPECT_EQ(history.late_duplicates(), 1U);
  EXPECT_EQ(history.first_late_duplicate(),
            "write 1 reached sector 4 again after write 2 was submitted");
  EXPECT_EQ(read(1),
            "sector 4 holds write 1, which came back after write 2 was acknowledged: a "
            "late duplicate");
}

TEST_F(DiskHistoryTest, WhereItIsExcusedItMayHaveDoneSoAndNoMore) {
  history.excuse_late_duplicates();
  write();
  write();
  history.copy_arrived(at, sectors(at, 1, 1));
  EXPECT_EQ(read(2), "right") << "the target may know better";
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(2), "sector 4 holds write 2, expected write 1");
  write();
  EXPECT_EQ(read(3), "right");
  EXPECT_EQ(read(1).substr(0, 21), "sector 4 holds write ");
}

TEST_F(DiskHistoryTest, ACopyMayArriveWhileTheNextWriteIsAtWork) {
  history.excuse_late_duplicates();
  write();
  const Version next = begin();
  history.copy_arrived(at, sectors(at, 1, 1));
  acknowledge(next);
  EXPECT_EQ(read(1), "right");
}

TEST_F(DiskHistoryTest, AndWhereTheNextWriteWasSubmittedBeforeItWasOver) {
  history.excuse_late_duplicates();
  const Version first = begin();
  const Version next = begin();
  history.copy_arrived(at, sectors(at, 1, first));
  EXPECT_EQ(history.late_duplicates(), 0U) << "it may still be the first to arrive";
  acknowledge(first);
  acknowledge(next);
  EXPECT_EQ(read(2), "right");
  history.copy_arrived(at, sectors(at, 1, first));
  EXPECT_EQ(history.late_duplicates(), 1U);
  EXPECT_EQ(read(1), "right");
}

TEST_F(DiskHistoryTest, WhatIsExcusedMayBeLostOrStableLikeAnyWrite) {
  history.track_flushes();
  history.excuse_late_duplicates();
  write();
  write();
  flush();
  history.copy_arrived(at, sectors(at, 1, 1));
  EXPECT_EQ(read(1), "right");
  history.crash();
  EXPECT_EQ(read(2), "right") << "it was not stable";

  write();
  flush();
  history.copy_arrived(at, sectors(at, 1, 2));
  flush();
  history.crash();
  EXPECT_EQ(read(2), "right") << "it was";
}

TEST_F(DiskHistoryTest, CopiesThatAreInTimeAreNoMatter) {
  const Version version = begin();
  history.copy_arrived(at, sectors(at, 1, version));
  history.copy_arrived(at, sectors(at, 1, version));
  acknowledge(version);
  history.copy_arrived(at, sectors(at, 1, version));
  history.copy_arrived(at, Data(sector_size, 1));
  history.copy_arrived(disk_sectors - 1, Data(3 * sector_size + 7, 1));
  EXPECT_EQ(history.late_duplicates(), 0U);
}

// Trims.

TEST_F(DiskHistoryTest, ATrimmedSectorHoldsWhatItHeldOrZerosAndThenStaysSo) {
  write();
  history.end_trim(at, 1, history.begin_trim(at, 1));
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(at, zeros), "right");
  EXPECT_EQ(read(1).substr(0, 23), "sector 4 holds write 1,");
  EXPECT_EQ(write(), 3U);
  EXPECT_EQ(read(3), "right");
  EXPECT_EQ(read(at, zeros), "sector 4 holds zeros, expected write 3");
}

// What survives a crash.

class CrashTest : public DiskHistoryTest {
 protected:
  CrashTest() { history.track_flushes(); }
};

TEST_F(CrashTest, WhatWasFlushedIsThere) {
  write();
  write();
  flush();
  history.crash();
  EXPECT_EQ(read(2), "right");
  const auto wrong = history.end_read(history.begin_read(), at, sectors(at, 1, 1));
  EXPECT_EQ(text(wrong),
            "sector 4 holds write 1, and write 2 was flushed before the target was killed");
  EXPECT_TRUE(wrong->was_flushed);
}

TEST_F(CrashTest, WhatWasNotMayBeThereInAnyStateSinceTheFlushAndIsThenJustThat) {
  write();
  flush();
  write();
  write();
  write();
  history.crash();
  const auto wrong = history.end_read(history.begin_read(), at, sectors(at, 1, 0));
  EXPECT_EQ(text(wrong),
            "sector 4 holds what it held at first, and write 1 was flushed before the target was "
            "killed");
  EXPECT_TRUE(wrong->was_flushed);
  EXPECT_EQ(read(3), "right");
  EXPECT_EQ(read(4), "sector 4 holds write 4, expected write 3");
}

TEST_F(CrashTest, OnlyWhatWasAcknowledgedBeforeTheFlushWasSubmittedIsStable) {
  const Moment flush = history.begin_flush();
  write();
  history.end_flush(flush, true);
  history.crash();
  EXPECT_EQ(read(0U), "right");
}

TEST_F(CrashTest, AFlushThatFailedOrThatTheCrashOvertookMakesNothingStable) {
  write();
  history.end_flush(history.begin_flush(), false);
  history.crash();
  EXPECT_EQ(read(0U), "right");
  write();
  const Moment flush = history.begin_flush();
  history.crash();
  history.end_flush(flush, true);
  EXPECT_EQ(read(0U), "right");
}

TEST_F(CrashTest, AWriteThatTheCrashOvertookMayBeLostThoughItIsAcknowledged) {
  const Version version = begin();
  history.crash();
  acknowledge(version);
  EXPECT_EQ(read(0U), "right");
}

TEST_F(CrashTest, ItMayAlsoBeSentAgain) {
  const Version version = begin();
  history.crash();
  EXPECT_EQ(read(0U), "right");
  acknowledge(version);
  EXPECT_EQ(read(1), "right");
  EXPECT_EQ(read(0U), "sector 4 holds what it held at first, expected write 1");
}

TEST_F(CrashTest, WhatIsWrittenAfterItCountsAsEver) {
  write();
  history.crash();
  write();
  EXPECT_EQ(read(2), "right");
  EXPECT_EQ(read(1).substr(0, 23), "sector 4 holds write 1,");
  EXPECT_EQ(history.open_sectors(), 0U);
}

TEST_F(CrashTest, AReadThatItOvertookDecidesNothing) {
  write();
  const Moment slow = history.begin_read();
  history.crash();
  EXPECT_EQ(end(slow, 1), "right");
  EXPECT_EQ(read(0U), "right");
}

// Memory.

TEST_F(DiskHistoryTest, WhatNoReadCanSeeAnyMoreIsForgotten) {
  const Moment slow = history.begin_read();
  for (int i = 0; i < 100; ++i) write();
  EXPECT_EQ(history.open_sectors(), 1U);
  EXPECT_EQ(end(slow, 50), "right");
  EXPECT_EQ(history.open_sectors(), 0U);
}

TEST(Pattern, NoSectorOrVersionPassesForAnother) {
  const auto sector = sectors(7, 1, 3);
  EXPECT_TRUE(holds_pattern({7, 3}, sector));
  EXPECT_FALSE(holds_pattern({7, 2}, sector));
  EXPECT_FALSE(holds_pattern({6, 3}, sector));
  EXPECT_EQ(read_label(sector), (PatternLabel{7, 3}));
  EXPECT_EQ(read_label(zeros), std::nullopt);
}

TEST(Pattern, NoPieceOfOneSectorPassesForAnothers) {
  const Data a = sectors(7, 1, 3);
  const Data b = sectors(7, 1, 4);
  const Data c = sectors(8, 1, 3);
  for (std::size_t word = 16; word < sector_size; word += 8) {
    EXPECT_FALSE(std::equal(&a[word], &a[word] + 8, &b[word]));
    EXPECT_FALSE(std::equal(&a[word], &a[word] + 8, &c[word]));
  }
}

}  // namespace
}  // namespace aoe::harness
