// What the engine and its devices trace: each decision, in one line.
#include "initiator/engine/device_trace.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class DeviceTraceTest : public ::testing::Test {
 protected:
  /// What was traced since the last call, without times and tags.
  Lines taken() {
    Lines lines = std::exchange(lines_, {});
    for (std::string& line : lines) {
      line.erase(0, line.find(' ') + 1);
      if (const auto tag = line.find(" tag "); tag != std::string::npos) line.erase(tag, 13);
      line = line.substr(0, line.find(" replaces "));
    }
    return lines;
  }
  /// Those of one kind.
  Lines taken(std::string_view kind) {
    Lines lines = taken();
    std::erase_if(lines, [&](const std::string& line) { return !line.starts_with(kind); });
    return lines;
  }

 private:
  Lines lines_;

 protected:
  World world{{.discovery_interval = 0s},
              Trace([this](std::string_view line) { lines_.emplace_back(line); },
                    Instant(std::chrono::hours(1)))};
};

TEST_F(DeviceTraceTest, ADeviceThatComesUp) {
  world.bring_up();
  EXPECT_EQ(
      taken(),
      (Lines{"port 0: 02:00:00:00:00:0c, MTU 1500, up", "discover e*.*: on port 0, new port",
             "event config answer: e7.3 answers from 02:00:00:00:00:01: buffers 16, sectors 2",
             "state e7.3: down -> identifying, config answer",
             "send e7.3: IDENTIFY 0+1 to 02:00:00:00:00:01 on port 0, attempt 1, "
             "outstanding 1 of 8, timeout 1.000000 s",
             "answer e7.3: ok after 0.000000 s, average 0.000000 s, timeout 0.100000 s",
             "state e7.3: identifying -> up, identified",
             "event device up: e7.3 is up: 1000 sectors", "payload e7.3: 0 -> 2 sectors"}));
}

TEST_F(DeviceTraceTest, ACommandAndItsAnswer) {
  world.bring_up();
  taken();
  world.read(0, 2);
  world.advance(1ms);
  world.answer(world.take());
  EXPECT_EQ(taken(),
            (Lines{"send e7.3: READ EXT 0+2 to 02:00:00:00:00:01 on port 0, attempt 1, "
                   "outstanding 1 of 8, timeout 0.100000 s",
                   "answer e7.3: ok after 0.001000 s, average 0.000125 s, timeout 0.100000 s"}));
}

TEST_F(DeviceTraceTest, ACommandThatIsNotAnswered) {
  world.bring_up();
  world.read(0, 2);
  world.take();
  taken();
  world.until_sent();
  EXPECT_EQ(taken(), (Lines{"expire e7.3: no answer for 0.100000 s, attempt 1",
                            "window e7.3 02:00:00:00:00:01: 8 -> 1, timeout",
                            "event retransmission: e7.3 retransmission 1:",
                            "send e7.3: READ EXT 0+2 to 02:00:00:00:00:01 on port 0, attempt 2, "
                            "outstanding 1 of 1, timeout 0.200000 s"}));
}

TEST_F(DeviceTraceTest, AnAnswerThatIsNotBelieved) {
  world.bring_up();
  world.read(0, 2);
  const Sent command = world.take().front();
  world.answer(command);
  taken();
  world.answer(command);
  EXPECT_EQ(taken(), Lines{"reject duplicate answer: e7.3 duplicate answer to"});
}

TEST_F(DeviceTraceTest, ARequestThatIsRefused) {
  world.bring_up();
  taken();
  world.read(1000, 1);
  EXPECT_EQ(taken(), Lines{"refuse e7.3: read at sector 1000, beyond the last sector"});
}

TEST_F(DeviceTraceTest, AWriteThatMayStillBeOnItsWay) {
  world.bring_up();
  world.write(0, 2);
  world.take();
  world.until_sent();
  taken();
  world.answer(world.take());
  EXPECT_EQ(taken("hold"), Lines{"hold e7.3: 0+2 for 0.100000 s, copies that may still arrive 1"});
}

TEST_F(DeviceTraceTest, CostsNothingWhileItIsOff) {
  World quiet;
  quiet.bring_up();
  EXPECT_EQ(taken(), Lines{});
}

}  // namespace
}  // namespace aoe::initiator
