#include "base/size.h"

#include <gtest/gtest.h>

namespace aoe {
namespace {

TEST(ParseSize, ItHasABinaryUnitOrCountsBytes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("8KiB"), 8192U);
  EXPECT_EQ(parse_size("8K"), 8192U);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(parse_size("0.1M"), 104858U) << "to the nearest byte";
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("2G"), 2ULL << 30);
  EXPECT_EQ(parse_size("16777215.9T"), (16777215ULL << 40) + 989560464998U);
  EXPECT_EQ(parse_size("18446744073709551615"), ~0ULL);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "64MB", "-1", "+1", "1e300", "nan", "KiB", "iB", "1.5", ".5K", "5.K",
                           "1.2.3K", " 1", "1 K", "1k", "16777216T", "18446744073709551616"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace aoe
