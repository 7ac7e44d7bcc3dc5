// Cases with every outcome, for test_main_test.py.
#include <gtest/gtest.h>

TEST(Passes, Passes) {}

TEST(Skips, Passes) {}
TEST(Skips, Skips) {
  GTEST_SKIP() << "nothing to play with";
}

TEST(Fails, Skips) {
  GTEST_SKIP() << "nothing to play with";
}
TEST(Fails, Fails) {
  FAIL() << "on purpose";
}

class Each : public testing::TestWithParam<int> {};
TEST_P(Each, IsBelowTwo) {
  EXPECT_LT(GetParam(), 2);
}
INSTANTIATE_TEST_SUITE_P(Numbers, Each, testing::Values(1, 2));
