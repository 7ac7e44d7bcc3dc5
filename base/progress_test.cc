#include "base/progress.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

constexpr std::uint64_t megabyte = 1'000'000;

TEST(ProgressLine, TellsWhatIsMovedAndWhatIsLeft) {
  EXPECT_EQ(progress_line(25 * megabyte, 100 * megabyte, 1),
            " 25 % [======                  ] 25.0 MB  25.0 MB/s  0:03 left");
  EXPECT_EQ(progress_line(100 * megabyte, 100 * megabyte, 1),
            "100 % [========================] 100.0 MB  100.0 MB/s  0:00 left");
  EXPECT_EQ(progress_line(0, 100 * megabyte, 0),
            "  0 % [                        ] 0.0 MB  0.0 MB/s");
}

TEST(ProgressLine, HasNoEndWhereNoneIsKnown) {
  EXPECT_EQ(progress_line(megabyte, std::nullopt, 1), "1.0 MB  1.0 MB/s");
  EXPECT_EQ(progress_line(megabyte, 0, 1), "1.0 MB  1.0 MB/s");
}

TEST(ProgressLine, StaysWholeWhenMoreComesThanWasExpected) {
  EXPECT_EQ(progress_line(300 * megabyte, 100 * megabyte, 1),
            "100 % [========================] 300.0 MB  300.0 MB/s  0:00 left");
}

}  // namespace
}  // namespace aoe
