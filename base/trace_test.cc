#include "base/trace.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace aoe {
namespace {

using namespace std::chrono_literals;

TEST(Trace, IsOffWithoutAWriter) {
  EXPECT_FALSE(Trace());
}

TEST(Trace, WritesALineWithTheTimeSinceItsOrigin) {
  std::vector<std::string> lines;
  const Trace trace([&](std::string_view line) { lines.emplace_back(line); }, Instant(2s));
  ASSERT_TRUE(trace);
  trace(Instant(3s + 45us), "window e{}.{}: {} -> {}", 0, 2, 16, 8);
  EXPECT_EQ(lines, std::vector<std::string>{"1.000045 window e0.2: 16 -> 8"});
}

}  // namespace
}  // namespace aoe
