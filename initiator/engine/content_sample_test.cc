#include "initiator/engine/content_sample.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "proto/codes.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;
using Verdict = ContentSample::Verdict;

constexpr std::uint64_t disk_sectors = 10'000;

/// Two disks whose sectors hold these bytes, read as the sample says.
struct TwoDisks {
  std::vector<std::uint8_t> a = std::vector<std::uint8_t>(disk_sectors);
  std::vector<std::uint8_t> b = a;

  static std::vector<std::uint8_t> bytes(const std::vector<std::uint8_t>& disk,
                                         const ContentSample& sample) {
    std::vector<std::uint8_t> data(sample.sectors() * sector_size, disk[sample.lba()]);
    data[0] = static_cast<std::uint8_t>(disk[sample.lba()] == 0 ? 0 : sample.lba());
    return data;
  }
  Verdict read(ContentSample& sample, bool writing = false) {
    now = std::max(now, sample.due());
    sample.begin(writing);
    const auto ours = bytes(a, sample);
    const auto theirs = bytes(b, sample);
    EXPECT_EQ(sample.read(ContentSample::reference, ours, now), Verdict::undecided);
    return sample.read(ContentSample::candidate, theirs, now);
  }
  Verdict read_all(ContentSample& sample) {
    Verdict verdict = Verdict::undecided;
    while (verdict == Verdict::undecided) verdict = read(sample);
    return verdict;
  }
  Instant now = Instant(1h);
};

TEST(ContentSample, FindsThatTheyAreTheSame) {
  TwoDisks disks;
  disks.a[2048] = disks.b[2048] = 7;
  ContentSample sample(disk_sectors);
  EXPECT_EQ(disks.read_all(sample), Verdict::same);
}

TEST(ContentSample, FindsADifferenceWhereverDisksOftenDiffer) {
  for (const std::uint64_t lba : {0U, 2U, 2050U, 9998U}) {
    TwoDisks disks;
    disks.b[lba] = 7;
    ContentSample sample(disk_sectors);
    EXPECT_EQ(disks.read_all(sample), Verdict::different) << lba;
  }
}

TEST(ContentSample, TwoBlankDisksAreNoEvidence) {
  TwoDisks disks;
  ContentSample sample(disk_sectors);
  EXPECT_EQ(disks.read_all(sample), Verdict::blank);
}

TEST(ContentSample, WhatWasWrittenLatelyIsEvidence) {
  TwoDisks disks;
  disks.a[4321] = 7;
  ContentSample other(disk_sectors, 4321);
  EXPECT_EQ(disks.read_all(other), Verdict::different);
  disks.b[4321] = 7;
  ContentSample same(disk_sectors, 4321);
  EXPECT_EQ(disks.read_all(same), Verdict::same);
}

TEST(ContentSample, ADifferenceHasToLast) {
  TwoDisks disks;
  disks.a[0] = 7;
  ContentSample sample(disk_sectors);
  const Instant begin = disks.now;
  for (unsigned i = 1; i < ContentSample::tries_max; ++i) {
    EXPECT_EQ(disks.read(sample), Verdict::undecided);
    EXPECT_EQ(sample.lba(), 0U);
  }
  EXPECT_EQ(sample.due() - begin, 300ms);
  disks.b[0] = 7;  // the write of another client that was under way
  EXPECT_EQ(disks.read_all(sample), Verdict::same);
}

TEST(ContentSample, ADifferenceWhereWeWriteDoesNotCount) {
  TwoDisks disks;
  disks.a[0] = 7;
  ContentSample sample(disk_sectors);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(disks.read(sample, true), Verdict::undecided);
  disks.b[0] = 7;
  EXPECT_EQ(disks.read_all(sample), Verdict::same);
}

TEST(ContentSample, AWriteThatBeginsBetweenTheReadsDisturbsThem) {
  TwoDisks disks;
  disks.a[0] = 7;
  ContentSample sample(disk_sectors);
  for (int i = 0; i < 100; ++i) {
    sample.begin(false);
    sample.note_write(1, 4);
    const auto ours = TwoDisks::bytes(disks.a, sample);
    const auto theirs = TwoDisks::bytes(disks.b, sample);
    sample.read(ContentSample::reference, ours, disks.now);
    EXPECT_EQ(sample.read(ContentSample::candidate, theirs, disks.now), Verdict::undecided);
  }
}

TEST(ContentSample, ATinyDiskIsReadWithinItsEnd) {
  for (std::uint64_t sectors = 1; sectors < 70; ++sectors) {
    ContentSample sample(sectors);
    std::set<std::uint64_t> read;
    Verdict verdict = Verdict::undecided;
    while (verdict == Verdict::undecided) {
      ASSERT_LE(sample.lba() + sample.sectors(), sectors);
      ASSERT_GT(sample.sectors(), 0);
      read.insert(sample.lba());
      sample.begin(false);
      verdict = sample.skip();
    }
    EXPECT_TRUE(read.contains(0));
  }
}

}  // namespace
}  // namespace aoe::initiator
