#include "proto/codes.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(Codes, SectorsPerFrameFollowsTheMtu) {
  EXPECT_EQ(sectors_per_frame(1500), 2);
  EXPECT_EQ(sectors_per_frame(9000), 17);
  EXPECT_EQ(sectors_per_frame(0), 0);
  EXPECT_EQ(sectors_per_frame(21), 0);
  EXPECT_EQ(sectors_per_frame(22), 0);
  for (const std::size_t sectors : {1, 2, 3, 17, 254, 255}) {
    const std::size_t mtu = 22 + sectors * sector_size;
    EXPECT_EQ(sectors_per_frame(mtu - 1), sectors - 1);
    EXPECT_EQ(sectors_per_frame(mtu), sectors);
    EXPECT_EQ(sectors_per_frame(mtu + 1), sectors);
  }
  EXPECT_EQ(sectors_per_frame(22 + 256 * sector_size), 255) << "all that a count byte holds";
  EXPECT_EQ(sectors_per_frame(SIZE_MAX), 255);
}

TEST(Codes, MaskEntriesPerFrameFollowsTheMtu) {
  EXPECT_EQ(mask_entries_per_frame(1500), 185U);
  EXPECT_EQ(mask_entries_per_frame(0), 0U);
  EXPECT_EQ(mask_entries_per_frame(13), 0U);
  for (const std::size_t entries : {1, 2, 185, 255}) {
    const std::size_t mtu = 14 + entries * 8;
    EXPECT_EQ(mask_entries_per_frame(mtu - 1), entries - 1);
    EXPECT_EQ(mask_entries_per_frame(mtu), entries);
    EXPECT_EQ(mask_entries_per_frame(mtu + 1), entries);
  }
  EXPECT_EQ(mask_entries_per_frame(9000), 255U);
}

TEST(Codes, ReserveEntriesPerFrameFollowsTheMtu) {
  EXPECT_EQ(reserve_entries_per_frame(1500), 248U);
  EXPECT_EQ(reserve_entries_per_frame(0), 0U);
  EXPECT_EQ(reserve_entries_per_frame(11), 0U);
  for (const std::size_t entries : {1, 2, 248, 255}) {
    const std::size_t mtu = 12 + entries * 6;
    EXPECT_EQ(reserve_entries_per_frame(mtu - 1), entries - 1);
    EXPECT_EQ(reserve_entries_per_frame(mtu), entries);
    EXPECT_EQ(reserve_entries_per_frame(mtu + 1), entries);
  }
  EXPECT_EQ(reserve_entries_per_frame(9000), 255U);
}

/// All 256 values of a code: `known` names, all different, and `unknown` for the rest.
template <class Code>
void expect_names(unsigned first, unsigned count, std::string_view unknown) {
  std::set<std::string> names;
  for (unsigned value = 0; value < 256; ++value) {
    const std::string name(text(static_cast<Code>(value)));
    EXPECT_EQ(name == unknown, value < first || value >= first + count) << value << ' ' << name;
    if (name != unknown) names.insert(name);
  }
  EXPECT_EQ(names.size(), count);
}

TEST(Codes, EveryValueHasAName) {
  expect_names<ErrorCode>(1, 6, "unknown error");
  expect_names<ConfigCommand>(0, 5, "unknown");
  expect_names<MaskError>(0, 4, "unknown");
}

}  // namespace
}  // namespace aoe
