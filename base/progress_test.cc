#include "base/progress.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

constexpr std::uint64_t megabyte = 1'000'000;

Moving moving(std::uint64_t megabytes, double seconds) {
  return {.moved = megabytes * megabyte, .total = 100 * megabyte, .seconds = seconds};
}

TEST(ProgressLine, TellsWhatIsMovedAndWhatIsLeft) {
  EXPECT_EQ(progress_line(moving(25, 1)),
            " 25 % [======                  ] 25.0 MB  25.0 MB/s  0:03 left");
  EXPECT_EQ(progress_line(moving(100, 1)),
            "100 % [========================] 100.0 MB  100.0 MB/s  0:00 left");
  EXPECT_EQ(progress_line(moving(0, 0)), "  0 % [                        ] 0.0 MB  0.0 MB/s");
}

TEST(ProgressLine, HasNoEndWhereNoneIsKnown) {
  const Moving open{.moved = megabyte, .total = std::nullopt, .seconds = 1};
  EXPECT_EQ(progress_line(open), "1.0 MB  1.0 MB/s");
  const Moving empty{.moved = megabyte, .total = 0, .seconds = 1};
  EXPECT_EQ(progress_line(empty), "1.0 MB  1.0 MB/s");
}

TEST(ProgressLine, StaysWholeWhenMoreComesThanWasExpected) {
  EXPECT_EQ(progress_line(moving(300, 1)),
            "100 % [========================] 300.0 MB  300.0 MB/s  0:00 left");
}

TEST(ProgressLine, FitsItsTerminal) {
  EXPECT_EQ(progress_line(moving(25, 1), 50), " 25 % [==         ] 25.0 MB  25.0 MB/s  0:03 left");
  EXPECT_EQ(progress_line(moving(25, 1), 40), " 25 % 25.0 MB  25.0 MB/s  0:03 left");
  EXPECT_EQ(progress_line(moving(25, 1), 30), " 25 % 25.0 MB/s  0:03 left");
  EXPECT_EQ(progress_line(moving(25, 1), 10), " 25 % 0:03 left") << "no less than this";
  Moving verifying = moving(25, 1);
  verifying.phase = "verifying";
  verifying.stalled = 100;
  for (std::size_t columns = 30; columns < 120; ++columns) {
    EXPECT_LT(progress_line(verifying, columns).size(), columns);
  }
}

TEST(ProgressLine, NamesThePhase) {
  Moving verifying = moving(25, 1);
  verifying.phase = "verifying";
  EXPECT_EQ(progress_line(verifying),
            "verifying  25 % [======                  ] 25.0 MB  25.0 MB/s  0:03 left");
}

TEST(ProgressLine, SaysThatNothingMoves) {
  Moving still = moving(25, 65);
  still.stalled = 1.9;
  EXPECT_TRUE(progress_line(still).ends_with("  3:15 left")) << progress_line(still);
  still.stalled = 62;
  EXPECT_TRUE(progress_line(still).ends_with("  stalled 1:02")) << progress_line(still);
}

}  // namespace
}  // namespace aoe
