#include "harness/world/bridge.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/judge/exchanges.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

class BridgeTest : public testing::Test {
 protected:
  void arm(FaultSpec::Kind kind, std::optional<std::uint64_t> nth = std::nullopt) {
    Selector selector;
    selector.nth = nth;
    stage.arm({fmt::format("f{}", ++faults), selector, std::move(kind)}, Instant{});
  }
  /// Passes frames that carry these numbers.
  void pass(Direction direction, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t tag = first; tag <= last; ++tag)
      bridge.pass(direction == Direction::to_target ? initiator_port : target_port,
                  request_frame(read_command(0), tag), Origin::end);
  }
  /// The numbers that were sent since it was asked before, where to: "1> 2> <4".
  std::string sent() { return std::exchange(sent_, {}); }

  boost::asio::io_context loop;
  Ledger ledger{Instant{}};
  Exchanges exchanges{ledger, 16};
  FaultStage stage{ledger, exchanges, {}, 1};
  std::string sent_;
  int faults = 0;
  Bridge bridge{loop, stage, [this](Delivery&& delivery) {
                  const bool there = delivery.direction == Direction::to_target;
                  sent_ += fmt::format("{}{}{}{}", sent_.empty() ? "" : " ", there ? "" : "<",
                                       decode(delivery.bytes)->header.tag, there ? ">" : "");
                  stage.recycle(std::move(delivery));
                }};
};

TEST_F(BridgeTest, PassesFramesBothWaysAtOnce) {
  pass(Direction::to_target, 1, 3);
  pass(Direction::to_initiator, 7, 8);
  EXPECT_EQ(sent(), "1> 2> 3> <7 <8");
  EXPECT_EQ(loop.run(), 0U) << "nothing is held";
}

TEST_F(BridgeTest, DoesWhatTheStageDecides) {
  arm(DropSpec{}, 2);
  arm(DuplicateSpec{}, 1);
  pass(Direction::to_target, 1, 3);
  EXPECT_EQ(sent(), "1> 1> 3>");
}

TEST_F(BridgeTest, DelaysInOrder) {
  arm(DelaySpec{.by = milliseconds(1)});
  pass(Direction::to_target, 1, 2);
  pass(Direction::to_initiator, 3, 3);
  EXPECT_EQ(sent(), "");
  loop.run();
  EXPECT_EQ(sent(), "1> 2> <3");
}

TEST_F(BridgeTest, HoldsBackWhatIsToBeOvertaken) {
  arm(ReorderSpec{milliseconds(2)}, 1);
  arm(ReorderSpec{milliseconds(1)}, 2);
  pass(Direction::to_target, 1, 4);
  EXPECT_EQ(sent(), "3> 4>");
  loop.run();
  EXPECT_EQ(sent(), "2> 1>") << "each when it is due";
}

}  // namespace
}  // namespace aoe::harness
