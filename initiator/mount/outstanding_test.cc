#include "initiator/mount/outstanding.h"

#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace aoe::initiator {
namespace {

using std::chrono::seconds;

class OutstandingTest : public testing::Test {
 protected:
  Outstanding outstanding;
  std::set<int> killed;
  std::string answered;
  std::string asked_of;

  static fuse_req* request(std::uintptr_t number) { return reinterpret_cast<fuse_req*>(number); }
  Outstanding::Work add(std::uintptr_t number, int thread, int second) {
    return outstanding.add(request(number), thread, Instant(seconds(second)));
  }
  void give_up(int second) {
    outstanding.give_up(
        Instant(seconds(second)),
        [this](int thread) {
          asked_of += fmt::format("{} ", thread);
          return killed.contains(thread);
        },
        [this](fuse_req* given_up) {
          answered += fmt::format("{} ", reinterpret_cast<std::uintptr_t>(given_up));
        });
  }
};

TEST_F(OutstandingTest, AnswersAtOnceWhomNobodyWaitsForAnyMore) {
  killed = {7};
  const auto first = add(1, 7, 1);
  const auto second = add(2, 8, 1);
  give_up(1);
  EXPECT_EQ(answered, "1 ");
  EXPECT_FALSE(outstanding.empty());
  EXPECT_EQ(outstanding.remove(second), request(2));
  EXPECT_TRUE(outstanding.empty()) << "whose answer was given needs no waiting for";
  EXPECT_EQ(outstanding.remove(first), nullptr);
  EXPECT_TRUE(outstanding.empty());
}

TEST_F(OutstandingTest, CancelsWhatItGivesUp) {
  killed = {7};
  const auto first = add(1, 7, 1);
  const auto second = add(2, 8, 1);
  std::string cancelled;
  first->cancel.slot().assign([&](boost::asio::cancellation_type) { cancelled += "first "; });
  second->cancel.slot().assign([&](boost::asio::cancellation_type) { cancelled += "second "; });
  give_up(1);
  give_up(2);
  EXPECT_EQ(cancelled, "first ");
}

TEST_F(OutstandingTest, AsksOnceOfEachThreadAndOnlyOfWhatIsOld) {
  killed = {7};
  add(1, 7, 1);
  add(2, 7, 2);
  add(3, 8, 2);
  add(4, 7, 3);
  give_up(2);
  EXPECT_EQ(asked_of, "7 8 ");
  EXPECT_EQ(answered, "1 2 ");
  give_up(3);
  EXPECT_EQ(answered, "1 2 4 ");
}

}  // namespace
}  // namespace aoe::initiator
