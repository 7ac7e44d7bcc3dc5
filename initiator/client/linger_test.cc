#include "initiator/client/linger.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

/// How many of a hundred answers are waited for awake, where one of `every` comes so soon.
unsigned tried(Linger& linger, unsigned every) {
  unsigned count = 0;
  for (unsigned i = 0; i < 100; ++i) {
    if (!linger.is_worthwhile()) continue;
    ++count;
    linger.tried(every > 0 && i % every == 0);
  }
  return count;
}

TEST(Linger, IsForAnswersThatComeSoon) {
  Linger linger;
  EXPECT_EQ(tried(linger, 1), 100U);
  EXPECT_LE(tried(linger, 0), 10U);
  EXPECT_LE(tried(linger, 0), 2U);
}

TEST(Linger, LearnsThatAnswersComeSoonAgain) {
  Linger linger;
  tried(linger, 0);
  tried(linger, 1);
  EXPECT_EQ(tried(linger, 1), 100U);
}

TEST(Linger, DoesNotPayWhereMostAnswersTakeLonger) {
  Linger linger;
  tried(linger, 4);
  EXPECT_LE(tried(linger, 4), 5U);
}

}  // namespace
}  // namespace aoe::initiator
