#include "initiator/engine/discovery_schedule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

/// Returns after how many seconds queries are sent, in the first half of a minute.
std::string query_times(World& world) {
  std::string times;
  const Instant begin = world.now;
  world.queries();
  for (int i = 0; i < 30; ++i) {
    world.advance(1s);
    if (!world.queries().empty()) times += fmt::format("{} ", (world.now - begin) / 1s);
  }
  return times;
}

TEST(DiscoverySchedule, APortThatComesUpIsAskedAgainAfter1And2And4And8Seconds) {
  World world({.discovery_interval = 60s});
  world.add_ports();
  EXPECT_EQ(query_times(world), "1 3 7 15 ");
}

TEST(DiscoverySchedule, AnAnswerOnThePortEndsIt) {
  World world({.discovery_interval = 60s});
  world.add_ports();
  world.queries();
  world.advance(1s);
  EXPECT_EQ(world.queries(), "e*.* on 0");
  world.config();
  world.answer(world.take());
  EXPECT_EQ(query_times(world), "");
}

TEST(DiscoverySchedule, AnAnswerOnAnotherPortDoesNot) {
  World world({.discovery_interval = 60s});
  world.add_ports(2);
  world.config({}, target_mac, 1);
  world.queries();
  world.advance(1s);
  EXPECT_EQ(world.queries(), "e*.* on 0");
}

TEST(DiscoverySchedule, APortThatCameUpLaterIsAskedFromThenOn) {
  World world({.discovery_interval = 60s});
  world.add_ports();
  world.advance(40s);
  world.change_port(0, {.mtu = 1500, .up = false});
  world.change_port(0, {.mtu = 1500, .up = true});
  EXPECT_EQ(query_times(world), "1 3 7 15 ");
}

TEST(DiscoverySchedule, APortThatIsDownIsNotAsked) {
  World world({.discovery_interval = 60s});
  world.add_ports();
  world.change_port(0, {.mtu = 1500, .up = false});
  EXPECT_EQ(query_times(world), "");
}

TEST(DiscoverySchedule, TheQueryAtTheLastCloseIsRepeatedUntilTheDeviceAnswers) {
  World world({.discovery_interval = 60s});
  world.bring_up();
  ASSERT_TRUE(world.engine.open(disk));
  world.close();
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  world.advance(1s);
  EXPECT_EQ(world.queries(), "e7.3 on 0");
  world.config();
  world.answer(world.take());
  EXPECT_EQ(query_times(world), "");
}

TEST(DiscoverySchedule, WithoutDiscoveryNothingIsRepeated) {
  World world;
  world.add_ports();
  EXPECT_EQ(query_times(world), "");
}

TEST(DiscoverySchedule, IsBounded) {
  DiscoverySchedule schedule;
  const Instant now(1h);
  for (std::uint16_t shelf = 0; shelf < 1000; ++shelf) schedule.asked(Address{shelf, 1}, now);
  std::size_t due = 0;
  while (schedule.take_due(now + 1s)) ++due;
  EXPECT_EQ(due, DiscoverySchedule::searches_max);
}

}  // namespace
}  // namespace aoe::initiator
