#include "initiator/engine/reordering.h"

#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

TEST(Reordering, StartsAtAQuarterOfTheRoundTripAndAMillisecondAtLeast) {
  EXPECT_EQ(ReorderingWindow().wait(200us, 1), 1ms);
  EXPECT_EQ(ReorderingWindow().wait(40ms, 1), 10ms);
}

TEST(Reordering, IsEightTimesAsLongWithEachTransmission) {
  EXPECT_EQ(ReorderingWindow().wait(0ns, 2), 8ms);
  EXPECT_EQ(ReorderingWindow().wait(0ns, 4), 512ms);
  EXPECT_LE(ReorderingWindow().wait(0ns, 4'000'000'000), 64s);
}

TEST(Reordering, ACommandThatWasLateWidensItToTwiceWhatWouldHaveDone) {
  ReorderingWindow window;
  window.was_late(30ms);
  EXPECT_EQ(window.wait(200us, 1), 60ms);
  window.was_late(10ms);
  EXPECT_EQ(window.wait(200us, 1), 60ms);
}

TEST(Reordering, LossesThatWereLossesNarrowItAgain) {
  ReorderingWindow window;
  window.was_late(30ms);
  for (unsigned i = 0; i < ReorderingWindow::losses_per_step - 1; ++i) window.lost();
  EXPECT_EQ(window.wait(200us, 1), 60ms);
  window.lost();
  EXPECT_EQ(window.wait(200us, 1), 30ms);
}

TEST(Reordering, OneThatWasLateStartsTheCountAgain) {
  ReorderingWindow window;
  window.was_late(30ms);
  for (unsigned i = 0; i < 10 * ReorderingWindow::losses_per_step; ++i) {
    window.lost();
    if (i % 50 == 0) window.was_late(1ms);
  }
  EXPECT_EQ(window.wait(200us, 1), 60ms);
}

}  // namespace
}  // namespace aoe::initiator
