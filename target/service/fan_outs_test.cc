#include "target/service/fan_outs.h"

#include <gtest/gtest.h>

#include "wire/memory_port.h"

namespace aoe::target {
namespace {

class FanOutsTest : public ::testing::Test {
 protected:
  bool add(FramePort& port, std::uint8_t source) {
    const auto request = std::make_shared<const std::vector<std::uint8_t>>(1, source);
    return fan_outs.add({&port, Mac{{2, 0, 0, 0, 0, source}}, request, {}});
  }

  std::pair<std::unique_ptr<MemoryPort>, std::unique_ptr<MemoryPort>> ports =
      MemoryPort::pair({}, {});
  FanOuts fan_outs;
};

TEST_F(FanOutsTest, ASourceHasOneOnEachPort) {
  EXPECT_TRUE(add(*ports.first, 1));
  EXPECT_FALSE(add(*ports.first, 1));
  EXPECT_TRUE(add(*ports.second, 1));
  EXPECT_TRUE(add(*ports.first, 2));
  fan_outs.end();
  EXPECT_TRUE(add(*ports.first, 1)) << "the former one is over";
}

TEST_F(FanOutsTest, TheyTakeTurns) {
  for (std::uint8_t source = 1; source <= 3; ++source) EXPECT_TRUE(add(*ports.first, source));
  std::vector<std::uint8_t> turns;
  for (int i = 0; i < 4; ++i) {
    turns.push_back(fan_outs.front().request->front());
    fan_outs.pass();
  }
  EXPECT_EQ(turns, (std::vector<std::uint8_t>{1, 2, 3, 1}));
}

TEST_F(FanOutsTest, ForgedSourcesAreLimited) {
  for (std::size_t i = 0; i < FanOuts::size_max; ++i) {
    EXPECT_TRUE(add(*ports.first, static_cast<std::uint8_t>(i)));
  }
  EXPECT_FALSE(add(*ports.second, 0));
}

TEST_F(FanOutsTest, ThoseOfAForgottenPortAreGone) {
  add(*ports.first, 1);
  add(*ports.second, 2);
  add(*ports.first, 3);
  fan_outs.forget(*ports.first);
  EXPECT_EQ(fan_outs.size(), 1U);
  EXPECT_EQ(fan_outs.front().request->front(), 2);
}

}  // namespace
}  // namespace aoe::target
