// What a device makes of answers, and of their absence.
#include "initiator/engine/device.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_words.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

// Answers.

TEST(DeviceAnswers, ALateOneIsReportedAndSampledAndCompletesItsRequest) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  const auto second = world.take();
  world.advance(50ms);
  world.events();
  const Duration before = world.device().remotes()[0].rtt.average();
  world.answer(first);
  EXPECT_EQ(world.events(), "e7.3 late answer");
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.device().counters().late_answers, 1U);
  EXPECT_GT(world.device().remotes()[0].rtt.average(), before);
  EXPECT_EQ(world.buffer(id), disk_data(0, 2));
  EXPECT_EQ(world.outstanding(), 1U) << "the copy may still be in the target's buffers";
  world.answer(second);
  EXPECT_EQ(world.events(), "");
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.outstanding(), 0U);
}

TEST(DeviceAnswers, AfterALateOneTheCopyIsNotSentAgainAndBringsNothingDown) {
  World world(with_deadsecs(1));
  world.bring_up();
  world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  world.take();
  world.answer(first);
  EXPECT_EQ(world.completions(), "1 ok");
  world.until_sent();
  EXPECT_EQ(world.taken(), "");
  EXPECT_EQ(world.outstanding(), 0U);
  EXPECT_EQ(world.seen(), "up");
}

TEST(DeviceAnswers, ALateOneCompletesNothingInTheDriversProfile) {
  World world({.discovery_interval = 0s, .profile = Profile::linux_driver});
  world.bring_up();
  world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  world.answer(first);
  EXPECT_EQ(world.completions(), "");
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceAnswers, ALateRefusalCompletesNothing) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  world.answer(first[0],
               AtaReply{.error = ata::error_idnf, .status = ata::status_drdy | ata::status_err});
  EXPECT_EQ(world.completions(), "");
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceAnswers, AWriteThatALateOneCompletesKeepsItsRangeUntilItsCopyIsAnswered) {
  World world;
  world.bring_up();
  world.write(0, 2);
  const auto first = world.take();
  world.until_sent();
  const auto second = world.take();
  world.answer(first);
  EXPECT_EQ(world.completions(), "1 ok");
  world.write(0, 2);
  EXPECT_EQ(world.taken(), "") << "the copy of the first may still arrive";
  world.answer(second);
  EXPECT_EQ(world.taken(), "WRITE EXT 0+2");
}

TEST(DeviceAnswers, ADuplicateIsReportedAndCompletesNothing) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const auto commands = world.take();
  world.answer(commands);
  EXPECT_EQ(world.completions(), "1 ok");
  world.answer(commands);
  EXPECT_EQ(world.events(), "e7.3 duplicate answer");
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.outstanding(), 0U);
}

TEST(DeviceAnswers, ALateAnswerIsADuplicateTheSecondTime) {
  World world;
  world.bring_up();
  world.read(0, 2);
  const auto first = world.take();
  world.until_sent();
  world.events();
  world.answer(first);
  world.answer(first);
  EXPECT_EQ(world.events(), "e7.3 late answer, e7.3 duplicate answer");
}

TEST(DeviceAnswers, TooLittleReadDataIsIgnoredAndAskedForAgain) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 2);
  const auto commands = world.take();
  const auto data = disk_data(0, 2);
  world.answer(commands[0], AtaReply{.status = ata::status_drdy, .data = Bytes(data).first(1023)});
  EXPECT_EQ(world.events(),
            "bad answer: read data shorter than asked for (offset 36: have 1023, need 1024)");
  EXPECT_EQ(world.completions(), "");
  world.until_sent();
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), data);
}

TEST(DeviceAnswers, BytesAfterTheReadDataAreIgnored) {
  World world;
  world.bring_up();
  const auto id = world.read(0, 1);
  const auto commands = world.take();
  const auto data = disk_data(0, 2);
  world.answer(commands[0], AtaReply{.status = ata::status_drdy, .data = data});
  EXPECT_EQ(world.completions(), "1 ok");
  EXPECT_EQ(world.buffer(id), disk_data(0, 1));
}

TEST(DeviceAnswers, AnAoeErrorFailsTheRequestAtOnceWithItsCode) {
  World world;
  world.bring_up();
  world.write(0, 1);
  world.answer(world.take().front(), ErrorReply{0, ErrorCode::target_reserved});
  EXPECT_EQ(world.completions(), "1 AoE error: target is reserved");
  EXPECT_EQ(world.device().request_counters().failures, 1U);
  EXPECT_EQ(world.outstanding(), 0U);
}

TEST(DeviceAnswers, AnAtaErrorFailsTheRequestWithTheRegisters) {
  World world;
  world.bring_up();
  for (const unsigned bits : {0x01U, 0x20U, 0x08U, 0x80U}) {  // ERR, DF, DRQ, BSY
    const auto status = static_cast<std::uint8_t>(ata::status_drdy | bits);
    world.read(0, 1);
    world.answer(world.take().front(), AtaReply{.error = ata::error_unc, .status = status});
    const std::string completion = world.completions();
    EXPECT_EQ(completion.substr(completion.find(' ')),
              fmt::format(" ATA error: status {:02x}, error 40", status));
  }
}

TEST(DeviceAnswers, AFailedPartFailsTheRequestOnceAndItsRestIsNotBegun) {
  World world;
  world.bring_up(World::large_disk, offer(4, 2));
  world.read(0, 100);
  const auto commands = world.take();
  ASSERT_EQ(text(commands), "READ EXT 0+2, READ EXT 2+2");
  world.answer(commands[0], AtaReply{.error = ata::error_unc, .status = 0x41});
  EXPECT_EQ(world.completions(), "");  // its buffer is in use
  EXPECT_EQ(world.taken(), "");
  world.answer(commands[1], ErrorReply{0, ErrorCode::device_unavailable});
  EXPECT_EQ(world.completions(), "1 ATA error: status 41, error 40");
  world.flush();
  EXPECT_EQ(world.taken(), "FLUSH CACHE EXT 0+0");
}

// Deadsecs.

TEST(DeviceDeadsecs, TakeTheDeviceDownExactlyThen) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.advance(5s);
  const Instant sent = world.now;
  world.read(0, 1);
  while (world.engine.deadline() < sent + 10s) {
    world.now = world.engine.deadline();
    world.advance(0s);
  }
  EXPECT_EQ(world.completions(), "");
  EXPECT_EQ(world.engine.deadline(), sent + 10s);
  world.now = sent + 10s - 1ns;
  world.advance(0s);
  EXPECT_EQ(world.state(), DeviceState::up);
  world.advance(1ns);
  EXPECT_EQ(world.state(), DeviceState::down);
  EXPECT_EQ(world.completions(), "1 device is down");
}

TEST(DeviceDeadsecs, FailWhatIsQueuedAsWell) {
  World world(with_deadsecs(10));
  world.bring_up(World::large_disk, offer(2, 2));
  world.read(0, 1);
  world.advance(9s);
  world.read(0, 100);
  world.write(0, 1);
  world.flush();
  world.advance(1s);
  EXPECT_EQ(world.completions(),
            "1 device is down, 2 device is down, 3 device is down, 4 device is down");
  EXPECT_EQ(world.outstanding(), 0U);
  EXPECT_EQ(world.engine.deadline(), never);
}

TEST(DeviceDeadsecs, AnAnswerToAnythingElseDoesNotSaveASilentCommand) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  world.take();
  for (int i = 0; i < 10; ++i) {
    world.advance(1s);
    world.read(500, 1);
    for (const Sent& command : world.take()) {
      if (command.lba == 500) world.answer(command);
    }
  }
  EXPECT_EQ(world.state(), DeviceState::down);
}

TEST(DeviceDeadsecs, Of0AreNever) {
  World world(with_deadsecs(0));
  world.bring_up();
  world.read(0, 1);
  for (int i = 0; i < 1000; ++i) {
    world.take();
    world.until_sent();
  }
  EXPECT_GT(world.now, Instant(3h));
  EXPECT_EQ(world.state(), DeviceState::up);
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "1 ok");
}

TEST(DeviceDeadsecs, ADeviceIsBackUpByDiscoveryAndMeasuredAnew) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  world.take();
  world.advance(10s);
  EXPECT_EQ(world.device().remotes().size(), 0U);
  world.read(0, 1);
  EXPECT_EQ(world.completions(), "1 device is down, 2 device is down");
  world.take();
  world.config();
  world.answer_identify(world.take().front(), World::large_disk);
  EXPECT_EQ(world.state(), DeviceState::up);
  world.read(0, 1);
  world.answer(world.take());
  EXPECT_EQ(world.completions(), "3 ok");
}

TEST(DeviceDeadsecs, AnswersFromBeforeCompleteNothingAfterwards) {
  World world(with_deadsecs(10));
  world.bring_up();
  world.read(0, 1);
  const auto old = world.take();
  world.advance(10s);
  world.completions();
  world.take();
  world.config();
  world.answer_identify(world.take().front(), World::large_disk);
  world.read(5, 1);
  world.answer(old);
  EXPECT_EQ(world.completions(), "");
}

}  // namespace
}  // namespace aoe::initiator
