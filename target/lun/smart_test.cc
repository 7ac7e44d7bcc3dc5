#include "target/lun/smart.h"

#include <array>
#include <numeric>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

using Block = std::array<std::uint8_t, 512>;

template <class Build>
Block built(Build build) {
  Block block;
  block.fill(0xee);
  build(block);
  return block;
}

unsigned sum(const Block& block) {
  return std::accumulate(block.begin(), block.end(), 0U) & 0xff;
}

/// An attribute's current value and raw figure, by its place.
std::pair<int, std::uint64_t> attribute(const Block& block, std::size_t place) {
  const std::uint8_t* entry = &block[2 + 12 * place];
  std::uint64_t raw = 0;
  for (std::size_t i = 6; i-- > 0;) raw = raw << 8 | entry[5 + i];
  return {entry[3], raw};
}

TEST(Smart, DataOfAHealthyDisk) {
  const Health health{.sectors_read = 0x123456789a, .sectors_written = 7};
  EXPECT_FALSE(health.is_failing());
  const Block block = built([&](SmartBlock out) { build_smart_data(health, out); });
  EXPECT_EQ(block[0], 0x10);
  EXPECT_EQ(attribute(block, 0), (std::pair<int, std::uint64_t>{100, 0}));
  EXPECT_EQ(attribute(block, 1), (std::pair<int, std::uint64_t>{100, 0}));
  EXPECT_EQ(attribute(block, 2), (std::pair<int, std::uint64_t>{100, 7}));
  EXPECT_EQ(attribute(block, 3), (std::pair<int, std::uint64_t>{100, 0x123456789a}));
  EXPECT_EQ(block[2 + 4 * 12], 0) << "no fifth attribute";
  EXPECT_EQ(sum(block), 0U);
}

TEST(Smart, AnErrorTakesItsAttributeBelowTheThreshold) {
  const Health health{.writes_failed = 3};
  EXPECT_TRUE(health.is_failing());
  const Block data = built([&](SmartBlock out) { build_smart_data(health, out); });
  const Block thresholds = built(build_smart_thresholds);
  EXPECT_EQ(sum(thresholds), 0U);
  for (std::size_t place = 0; place < 4; ++place) {
    const std::uint8_t threshold = thresholds[2 + 12 * place + 1];
    EXPECT_EQ(thresholds[2 + 12 * place], data[2 + 12 * place]) << "the same attribute";
    EXPECT_EQ(attribute(data, place).first < threshold, place == 1);
  }
  EXPECT_EQ(attribute(data, 1).second, 3U);
}

TEST(Smart, LogDirectoryIsEmpty) {
  Block expected{};
  expected[0] = 1;
  EXPECT_EQ(built(build_smart_log_directory), expected);
}

}  // namespace
}  // namespace aoe::target
