// A target that is silent and back without an announcement, as vblade is when it starts again: it is
// found out soon, though the timeouts of what waits for it have grown to seconds.
#include <algorithm>

#include <gtest/gtest.h>

#include "initiator/testing/test_disks.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

class Silence : public DisksByMac {
 protected:
  /// The target hears nothing for `silence` from now on. Returns how long after that all requests are
  /// complete.
  Duration wait_after(Duration silence) {
    const Instant back = world.now + silence;
    const std::uint64_t before = completed();
    world.queries();
    queries = 0;
    while (completed() < before + requests && world.now < back + 30s) {
      const auto commands = world.take();
      const bool is_asked = !world.queries().empty();
      queries += is_asked;
      if (world.now >= back) {
        for (const Sent& command : commands) answer(command);
        if (is_asked) world.config();
        if (!commands.empty() || is_asked) continue;
      }
      world.advance_to(world.engine.deadline());
    }
    return world.now - back;
  }

  std::uint64_t completed() {
    const RequestCounters& counters = world.device().request_counters();
    return counters.reads + counters.writes + counters.flushes;
  }

  std::uint64_t requests = 0;
  unsigned queries = 0;
};

TEST_F(Silence, OfAnyLengthEndsSoonForReads) {
  up();
  open();
  requests = 10;
  for (const Duration silence : {1s, 2s, 5s, 12s, 20s}) {
    for (std::uint64_t lba = 0; lba < requests; ++lba) world.read(lba, 1);
    EXPECT_LE(wait_after(silence), 100ms + silence / 50) << silence / 1ms;
    EXPECT_LE(queries, 150U);
  }
}

TEST_F(Silence, EndsSoonForAFlush) {
  up();
  open();
  world.write(0, 1);
  answer_all();
  requests = 1;
  world.flush();
  EXPECT_LE(wait_after(5s), 400ms);
}

TEST_F(Silence, EndsSoonForAQuestionThatWasAsked) {
  up();
  open();
  world.announce();  // then it is silent
  world.take();
  requests = 1;
  world.write(0, 1);
  EXPECT_LE(wait_after(5s), 400ms);
}

TEST_F(Silence, OfATargetThatAnswersQueriesIsThatOfItsDisk) {
  up();
  open();
  world.read(0, 1);
  int reads = 0;
  for (const Instant end = world.now + 10s; world.now < end;
       world.advance_to(world.engine.deadline())) {
    for (auto sent = world.take(); !sent.empty(); sent = world.take()) {
      for (const Sent& command : sent) {
        if (command.opcode == ata::Opcode::identify_device) {
          answer(command);
        } else {
          ++reads;
        }
      }
    }
    if (!world.queries().empty()) world.config();
  }
  EXPECT_LE(reads, 8) << "timeouts double";
}

TEST_F(Silence, OfADeviceThatNobodyUsesIsLeftAlone) {
  up();
  open();
  const std::uint64_t id = world.read(0, 1);
  world.advance(2s);
  world.cancel(id);
  world.advance(1s);
  EXPECT_NE(world.queries(), "");
  EXPECT_EQ(world.engine.deadline(), never);
}

// A switch that is dead makes many devices silent at once.

TEST(SilentDevices, AreSearchedForAThousandTimesASecondAtMost) {
  World world;
  world.add_ports();
  constexpr std::uint8_t count = 250;
  std::vector<std::uint8_t> buffer(512);
  for (std::uint8_t slot = 0; slot < count; ++slot) {
    const Address address{7, slot};
    world.hear(frame_of({Mac::broadcast(), target_mac, address, 0}, World::default_offer));
    for (const Sent& command : world.take()) {
      if (command.opcode == ata::Opcode::identify_device) world.answer(command);
    }
    world.engine.submit({.kind = IoKind::read, .device = address, .into = buffer, .id = slot},
                        world.now, world.actions);
  }
  world.advance(1s);
  world.queries();
  std::ptrdiff_t queries = 0;
  for (int i = 0; i < 300; ++i) {
    world.advance(10ms);
    const std::string asked = world.queries();
    queries += std::ranges::count(asked, 'e');
  }
  EXPECT_GE(queries, 2500) << "each device is searched for";
  EXPECT_LE(queries, 4500) << "a thousand at once, and then as many a second";
}

}  // namespace
}  // namespace aoe::initiator
