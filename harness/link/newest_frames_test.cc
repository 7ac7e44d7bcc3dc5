#include "harness/link/newest_frames.h"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace aoe::harness {
namespace {

TEST(NewestFrames, KeepsTheNewestWholeWhateverTheirLengths) {
  constexpr std::size_t room = 1000;
  NewestFrames kept(room);
  std::deque<std::vector<std::uint8_t>> frames;
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::vector<std::uint8_t> frame(1 + random() % 40, static_cast<std::uint8_t>(i));
    kept.add(frame);
    frames.push_back(std::move(frame));
    ASSERT_LE(kept.size(), frames.size());
    while (frames.size() > kept.size()) frames.pop_front();
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < kept.size(); ++at) {
      ASSERT_TRUE(std::ranges::equal(kept[at], frames[at])) << i;
      bytes += frames[at].size();
    }
    ASSERT_LE(bytes, room);
    if (i > 100) {
      ASSERT_GT(bytes, room - 2 * 40) << "it forgets what it has room for";
    }
  }
}

TEST(NewestFrames, AFrameThatIsLongerThanTheRoomIsNotKept) {
  NewestFrames kept(4);
  kept.add(std::vector<std::uint8_t>(3, 1));
  kept.add(std::vector<std::uint8_t>(5, 2));
  EXPECT_EQ(kept.size(), 0U);
  kept.add(std::vector<std::uint8_t>(4, 3));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0][3], 3);
}

TEST(NewestFrames, WithoutRoomNothingIsKept) {
  NewestFrames kept;
  kept.add(std::vector<std::uint8_t>(60, 1));
  EXPECT_EQ(kept.size(), 0U);
}

}  // namespace
}  // namespace aoe::harness
