#include "base/latencies.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

using namespace std::chrono_literals;

TEST(Latencies, NoneIsZero) {
  const Latencies none;
  EXPECT_EQ(none.count(), 0U);
  EXPECT_EQ(none.percentile(0.5), 0ns);
  EXPECT_EQ(none.max(), 0ns);
}

TEST(Latencies, ATimeIsKeptToOnePartIn64) {
  for (std::int64_t time = 0; time < 1'000'000'000'000; time = time * 9 / 8 + 1) {
    Latencies latencies;
    latencies.add(Duration(time));
    latencies.add(24h);
    const auto kept = latencies.percentile(0.5).count();
    EXPECT_GE(kept, time);
    EXPECT_LE(kept, time + time / 64);
    EXPECT_EQ(latencies.max(), 24h);
  }
}

TEST(Latencies, APercentileIsNotExceededByThatPart) {
  Latencies latencies;
  for (int i = 1; i <= 50; ++i) latencies.add(Duration(i));
  EXPECT_EQ(latencies.percentile(0), 1ns);
  EXPECT_EQ(latencies.percentile(0.5), 25ns);
  EXPECT_EQ(latencies.percentile(0.9), 45ns);
  EXPECT_EQ(latencies.percentile(1), 50ns);
}

TEST(Latencies, ATimeBeforeItsStartIsNone) {
  Latencies latencies;
  latencies.add(-5ns);
  EXPECT_EQ(latencies.percentile(1), 0ns);
  latencies.add(Duration::max());
  EXPECT_EQ(latencies.percentile(1), Duration::max());
}

}  // namespace
}  // namespace aoe
