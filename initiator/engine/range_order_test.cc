#include "initiator/engine/range_order.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

constexpr auto read = RangeOrder::Access::read;
constexpr auto change = RangeOrder::Access::change;

class RangeOrderTest : public ::testing::Test {
 protected:
  std::vector<Index> leave(Index request) {
    std::vector<Index> ready;
    order.leave(request, ready);
    return ready;
  }
  RangeOrder order;
};

using Ready = std::vector<Index>;

TEST_F(RangeOrderTest, ReadsDoNotWaitForReads) {
  EXPECT_TRUE(order.join(0, 10, 5, read));
  EXPECT_TRUE(order.join(1, 10, 5, read));
}

TEST_F(RangeOrderTest, AWriteWaitsForAReadOfTheSameSectorAndAReadForAWrite) {
  EXPECT_TRUE(order.join(0, 10, 5, read));
  EXPECT_FALSE(order.join(1, 14, 1, change));
  EXPECT_FALSE(order.join(2, 14, 1, read));
  EXPECT_EQ(leave(0), Ready{1});
  EXPECT_EQ(leave(1), Ready{2});
  EXPECT_EQ(leave(2), Ready{});
}

TEST_F(RangeOrderTest, NeighboursDoNotWait) {
  EXPECT_TRUE(order.join(0, 10, 5, change));
  EXPECT_TRUE(order.join(1, 9, 1, change));
  EXPECT_TRUE(order.join(2, 15, 1, change));
}

TEST_F(RangeOrderTest, NoSectorsMeetNothing) {
  EXPECT_TRUE(order.join(0, 0, 1000, change));
  EXPECT_TRUE(order.join(1, 0, 0, read));
  EXPECT_TRUE(order.join(2, 500, 0, read));
}

TEST_F(RangeOrderTest, OneThatWaitsForSeveralStartsAfterTheLast) {
  EXPECT_TRUE(order.join(0, 0, 4, change));
  EXPECT_TRUE(order.join(1, 4, 4, change));
  EXPECT_FALSE(order.join(2, 2, 4, change));
  EXPECT_EQ(leave(1), Ready{});
  EXPECT_EQ(leave(0), Ready{2});
}

TEST_F(RangeOrderTest, OneThatIsCalledOffBeforeItStartedLetsOthersPass) {
  EXPECT_TRUE(order.join(0, 0, 4, read));
  EXPECT_FALSE(order.join(1, 0, 4, change));
  EXPECT_FALSE(order.join(2, 0, 4, read));
  EXPECT_EQ(leave(1), Ready{2});
  EXPECT_EQ(leave(0), Ready{});
}

TEST_F(RangeOrderTest, WhateverComesAndGoesNoTwoThatConflictRunAndNoneIsForgotten) {
  struct Range {
    std::uint64_t begin, end;
    bool changes;
  };
  std::mt19937 random(1);
  std::map<Index, Range> running;
  std::map<Index, Range> waiting;
  std::vector<Index> unused;
  for (Index slot = 0; slot < 32; ++slot) unused.push_back(slot);
  const auto start = [&](Index slot, const Range& range) {
    for (const auto& [other, r] : running) {
      ASSERT_FALSE(r.begin < range.end && range.begin < r.end && (r.changes || range.changes));
    }
    running.emplace(slot, range);
  };
  for (int step = 0; step < 20'000; ++step) {
    if (!unused.empty() && random() % 2 == 0) {
      const Index slot = unused.back();
      unused.pop_back();
      const std::uint64_t begin = random() % 64;
      const Range range{begin, begin + 1 + random() % 8, random() % 2 == 0};
      if (order.join(slot, begin, range.end - begin, range.changes ? change : read)) {
        start(slot, range);
      } else {
        waiting.emplace(slot, range);
      }
    } else if (!running.empty()) {
      const Index slot = std::next(running.begin(), random() % running.size())->first;
      running.erase(slot);
      unused.push_back(slot);
      for (const Index ready : leave(slot)) {
        const Range range = waiting.at(ready);
        waiting.erase(ready);
        start(ready, range);
      }
    }
    ASSERT_TRUE(!running.empty() || waiting.empty()) << "all wait for nothing";
  }
}

}  // namespace
}  // namespace aoe::initiator
