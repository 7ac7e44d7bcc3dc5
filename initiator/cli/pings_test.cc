#include "initiator/cli/pings.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};
constexpr std::uint32_t tag = 0x8000'0010;

TEST(Pings, AreAskedAtADistance) {
  Pings pings(2, 10ms, 1s);
  EXPECT_TRUE(pings.due(start));
  pings.asked(tag, start);
  EXPECT_EQ(pings.deadline(), start + 10ms);
  EXPECT_FALSE(pings.due(start + 10ms - 1ns));
  EXPECT_TRUE(pings.due(start + 10ms));
  pings.asked(tag + 1, start + 12ms);  // late: the next one would keep its distance from this one
  EXPECT_FALSE(pings.due(start + 1h));
  EXPECT_EQ(pings.deadline(), start + 1s);
}

TEST(Pings, AreDoneWhenAllAreAnswered) {
  Pings pings(2, 10ms, 1s);
  pings.asked(tag, start);
  const auto first = pings.answered(tag, start + 3ms);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence, 1U);
  EXPECT_EQ(first->taken, 3ms);
  EXPECT_FALSE(pings.done());
  pings.asked(tag + 1, start + 10ms);
  EXPECT_FALSE(pings.done());
  EXPECT_TRUE(pings.answered(tag + 1, start + 11ms));
  EXPECT_TRUE(pings.done());
  EXPECT_EQ(pings.answers(), 2U);
}

TEST(Pings, WaitForAnswersLongerThanForTheNextQuestion) {
  Pings pings(2, 10ms, 1s);
  pings.asked(tag, start);
  pings.asked(tag + 1, start + 10ms);
  const auto second = pings.answered(tag + 1, start + 20ms);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->sequence, 2U);
  EXPECT_EQ(second->taken, 10ms);
  pings.give_up(start + 1s - 1ns);
  const auto first = pings.answered(tag, start + 1s - 1ns);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence, 1U);
  EXPECT_EQ(first->taken, 1s - 1ns);
  EXPECT_TRUE(pings.done());
  EXPECT_EQ(pings.answers(), 2U);
}

TEST(Pings, AreGivenUpEachInItsTime) {
  Pings pings(2, 10ms, 1s);
  pings.asked(tag, start);
  pings.asked(tag + 1, start + 10ms);
  pings.give_up(start + 1s);
  EXPECT_FALSE(pings.answered(tag, start + 1s));
  EXPECT_FALSE(pings.done());
  EXPECT_EQ(pings.deadline(), start + 1s + 10ms);
  pings.give_up(start + 1s + 10ms);
  EXPECT_TRUE(pings.done());
  EXPECT_EQ(pings.deadline(), never);
  EXPECT_EQ(pings.answers(), 0U);
}

TEST(Pings, CountAnAnswerOnce) {
  Pings pings(2, 10ms, 1s);
  pings.asked(tag, start);
  EXPECT_TRUE(pings.answered(tag, start + 1ms));
  const auto again = pings.answered(tag, start + 2ms);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sequence, 1U);
  EXPECT_EQ(again->taken, 2ms);
  EXPECT_EQ(pings.answers(), 1U);
  pings.asked(tag + 1, start + 10ms);
  pings.give_up(start + 1s);
  EXPECT_FALSE(pings.done()) << "a question took its share of another's answers";
}

TEST(Pings, KnowNoAnswerToWhatOthersAsked) {
  Pings pings(1, 10ms, 1s);
  EXPECT_FALSE(pings.answered(tag, start));
  pings.asked(tag, start);
  EXPECT_FALSE(pings.answered(tag + 1, start + 1ms));
  EXPECT_EQ(pings.answers(), 0U);
}

}  // namespace
}  // namespace aoe::initiator
