#include "target/service/request_memory.h"

#include <array>
#include <new>

#include <gtest/gtest.h>

namespace aoe::target {
namespace {

/// Takes a byte at a time for each LUN in turn, until none gets more.
template <std::size_t N>
std::array<std::size_t, N> fill(RequestMemory& memory) {
  std::array<std::size_t, N> taken{};
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (std::size_t& its : taken) {
      if (!memory.allows(1, its)) continue;
      memory.take(1);
      ++its;
      goes_on = true;
    }
  }
  return taken;
}

TEST(RequestMemory, OneGreedyLunGetsHalf) {
  RequestMemory memory(1000);
  EXPECT_EQ(fill<1>(memory)[0], 500U);
  EXPECT_TRUE(memory.allows(250, 0)) << "another one";
}

TEST(RequestMemory, GreedyLunsLeaveAsMuchAsEachOfThemHas) {
  RequestMemory memory(1000);
  const auto taken = fill<4>(memory);
  for (const std::size_t its : taken) EXPECT_EQ(its, 200U);
  EXPECT_EQ(memory.used(), 800U);
}

TEST(RequestMemory, WhatIsGivenBackCanBeTakenAgain) {
  RequestMemory memory(1000);
  fill<1>(memory);
  EXPECT_FALSE(memory.allows(1, 500));
  memory.give_back(1);
  EXPECT_TRUE(memory.allows(1, 499));
}

TEST(RequestMemory, ARequestThatIsTooLargeIsNotAllowed) {
  const RequestMemory memory(1000);
  EXPECT_TRUE(memory.allows(500, 0));
  EXPECT_FALSE(memory.allows(501, 0));
}

TEST(RequestMemory, NothingIsAllowedWhileTheReserveIsUsed) {
  // Of less than any reserve has: used once, it stays used.
  MemoryReserve none(0);
  EXPECT_FALSE(RequestMemory(1000, &none).allows(1, 0));
}

TEST(RequestMemory, AUsedReserveIsTakenAnew) {
  MemoryReserve reserve;
  const RequestMemory memory(1000, &reserve);
  std::get_new_handler()();
  EXPECT_TRUE(memory.allows(1, 0));
  EXPECT_NO_THROW(std::get_new_handler()());
}

}  // namespace
}  // namespace aoe::target
