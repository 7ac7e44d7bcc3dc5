#include "target/store/read_ahead.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using Range = ByteRange;
constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;

/// Everything that is to be fetched, when these offsets are read, 1 KiB each.
std::vector<Range> fetched(ReadAhead& ahead, const std::vector<std::uint64_t>& offsets) {
  std::vector<Range> ranges;
  for (const std::uint64_t offset : offsets) {
    if (const auto range = ahead.read(offset, kib)) ranges.push_back(*range);
  }
  return ranges;
}

std::vector<std::uint64_t> in_order(std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> offsets;
  for (; begin < end; begin += kib) offsets.push_back(begin);
  return offsets;
}

TEST(ReadAhead, FetchesAWindowBeforeItIsNeededAndNothingTwice) {
  ReadAhead ahead;
  EXPECT_EQ(fetched(ahead, in_order(0, 31 * kib)), std::vector<Range>{}) << "an accident so far";
  EXPECT_EQ(fetched(ahead, in_order(31 * kib, 32 * kib)), (std::vector<Range>{{32 * kib, mib}}));
  EXPECT_EQ(fetched(ahead, in_order(32 * kib, 543 * kib)), std::vector<Range>{});
  EXPECT_EQ(fetched(ahead, in_order(543 * kib, 544 * kib)),
            (std::vector<Range>{{32 * kib + mib, mib}}));
}

TEST(ReadAhead, RandomReadsFetchNothing) {
  ReadAhead ahead;
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> offsets(10000);
  std::ranges::generate(offsets, [&] { return random() % (1ULL << 40) / kib * kib; });
  EXPECT_EQ(fetched(ahead, offsets), std::vector<Range>{});
}

TEST(ReadAhead, ALittleDisorderIsInOrder) {
  ReadAhead ahead;
  std::vector<std::uint64_t> offsets = in_order(0, 4 * mib);
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i + 64 <= offsets.size(); i += 64) {
    std::shuffle(offsets.begin() + static_cast<std::ptrdiff_t>(i),
                 offsets.begin() + static_cast<std::ptrdiff_t>(i) + 64, random);
  }
  const auto ranges = fetched(ahead, offsets);
  ASSERT_GE(ranges.size(), 4U);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    EXPECT_EQ(ranges[i].offset, ranges[i - 1].offset + ranges[i - 1].length);
  }
}

TEST(ReadAhead, ReadersOfSeveralPlacesAreKeptApart) {
  ReadAhead ahead;
  std::vector<Range> ranges;
  for (std::uint64_t i = 0; i < 100; ++i) {
    for (std::uint64_t reader = 0; reader < ReadAhead::streams; ++reader) {
      if (const auto range = ahead.read(reader * 100 * mib + i * kib, kib))
        ranges.push_back(*range);
    }
  }
  EXPECT_EQ(ranges.size(), ReadAhead::streams);
}

TEST(ReadAhead, ReaderWhoLeapsStartsAnew) {
  ReadAhead ahead;
  fetched(ahead, in_order(0, mib));
  EXPECT_EQ(fetched(ahead, in_order(50 * mib, 50 * mib + 31 * kib)), std::vector<Range>{});
  EXPECT_EQ(fetched(ahead, in_order(50 * mib + 31 * kib, 50 * mib + 32 * kib)),
            (std::vector<Range>{{50 * mib + 32 * kib, mib}}));
}

}  // namespace
}  // namespace aoe::target
