#include "initiator/client/session.h"

#include <deque>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "initiator/testing/test_target.h"
#include "initiator/testing/test_words.h"
#include "wire/memory_port.h"

namespace aoe::initiator {
namespace {

using namespace std::chrono_literals;

/// A session with a cable to a target, which answers at once, as often as settle() is called.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    session.listen([this](const Event& event) { happened(event); });
  }

  struct Cable {
    std::unique_ptr<MemoryPort> near;
    std::unique_ptr<MemoryPort> far;
    PortId id = 0;
    Mac target;
  };

  void attach(std::uint16_t mtu = 9000) {
    const auto number = static_cast<std::uint8_t>(cables.size());
    Cable& cable = cables.emplace_back();
    const Mac mac{{2, 0, 0, 0, 1, number}};
    cable.target = {{2, 0, 0, 0, 2, number}};
    std::tie(cable.near, cable.far) = MemoryPort::pair({.mac = mac, .mtu = mtu}, {.mtu = 9000});
    cable.id = session.attach(*cable.near, now);
  }

  /// The target takes what has arrived, and the session what it answers. Returns whether there was
  /// anything.
  bool exchange() {
    bool any = false;
    for (Cable& cable : cables) {
      if (cable.near == nullptr) continue;
      std::array<Bytes, batch_size> frames;
      while (const std::size_t count = cable.far->receive(frames)) {
        any = true;
        for (const Bytes frame : std::span(frames).first(count)) {
          if (const auto answer = target.answer(frame, cable.target)) {
            cable.far->send(std::array{Outgoing{*answer, {}}});
          }
        }
      }
      session.receive(cable.id, now);
    }
    return any;
  }
  void settle() {
    while (exchange()) {
    }
  }

  std::uint64_t submit(IoKind kind, std::uint64_t lba, std::size_t sectors) {
    IoRequest request{.kind = kind, .device = disk, .lba = lba};
    const std::uint64_t id = ++last_id;
    auto& buffer = buffers[id];
    buffer = kind == IoKind::write ? disk_data(lba, sectors)
                                   : std::vector<std::uint8_t>(sectors * sector_size);
    request.into = buffer;
    request.from = buffer;
    session.submit(
        request, [this, id](const Completion& completion) { completed(id, completion); }, now);
    return id;
  }

  void completed(std::uint64_t id, const Completion& completion) {
    story += fmt::format("[{} {}]", id, describe(completion));
    if (on_completion) on_completion();
  }
  void happened(const Event& event) {
    if (event.kind == Event::Kind::device_up) story += "[up]";
    if (event.kind == Event::Kind::device_up && on_up) on_up();
  }
  std::string told() { return std::exchange(story, {}); }

  Instant now = Instant(1h);
  TestTarget target{disk, 1000};
  std::deque<Cable> cables;
  std::map<std::uint64_t, std::vector<std::uint8_t>> buffers;
  std::uint64_t last_id = 0;
  std::string story;
  std::function<void()> on_completion;
  std::function<void()> on_up;
  Session session{{.discovery_interval = 0s}, 1};
};

TEST_F(SessionTest, AttachingAPortFindsAndIdentifiesWhatIsThere) {
  attach();
  settle();
  EXPECT_EQ(told(), "[up]");
  EXPECT_EQ(session.engine().find(disk)->identity()->sectors, 1000U);
}

TEST_F(SessionTest, WhatIsWrittenIsOnTheDiskAndIsRead) {
  attach();
  settle();
  told();
  submit(IoKind::write, 10, 100);
  settle();
  EXPECT_EQ(target.sectors(10, 100), disk_data(10, 100));
  EXPECT_EQ(target.sectors(9, 1), std::vector<std::uint8_t>(sector_size));
  EXPECT_EQ(target.sectors(110, 1), std::vector<std::uint8_t>(sector_size));
  const auto id = submit(IoKind::read, 10, 100);
  settle();
  EXPECT_EQ(buffers[id], disk_data(10, 100));
  submit(IoKind::flush, 0, 0);
  settle();
  EXPECT_EQ(target.flushes(), 1U);
  EXPECT_EQ(told(), "[1 ok][2 ok][3 ok]");
}

TEST_F(SessionTest, ARequestThatFailsAtOnceIsToldOfBeforeSubmitReturns) {
  submit(IoKind::read, 0, 1);
  EXPECT_EQ(told(), "[1 no such device]");
}

TEST_F(SessionTest, ACallbackMaySubmitFromWithinACompletion) {
  attach();
  settle();
  told();
  int depth = 0;
  int depth_most = 0;
  on_completion = [&] {
    depth_most = std::max(depth_most, ++depth);
    if (last_id < 1000) submit(last_id % 2 == 0 ? IoKind::read : IoKind::flush, last_id % 999, 1);
    --depth;
  };
  submit(IoKind::read, 0, 1);
  settle();
  EXPECT_EQ(last_id, 1000U);
  EXPECT_EQ(depth_most, 1);
  EXPECT_TRUE(story.ends_with("[999 ok][1000 ok]"));
}

TEST_F(SessionTest, WhatFailsAtOnceFromWithinACompletionIsToldOfAfterwards) {
  on_completion = [&] {
    const std::string before = story;
    if (last_id < 1000) submit(IoKind::read, 0, 1);
    EXPECT_EQ(story, before);  // not from within the report of another
  };
  submit(IoKind::read, 0, 1);
  EXPECT_EQ(last_id, 1000U);
  EXPECT_TRUE(story.ends_with("[1000 no such device]"));
}

TEST_F(SessionTest, ACallbackMaySubmitFromWithinAnEvent) {
  attach();
  on_up = [&] { submit(IoKind::read, 5, 1); };
  settle();
  EXPECT_EQ(told(), "[up][1 ok]");
}

TEST_F(SessionTest, FramesGoOutBeforeTheCompletionThatFreesTheirData) {
  attach();
  settle();
  told();
  cables[0].far->set_link({.up = false});  // the target hears nothing more
  const auto id = submit(IoKind::write, 0, 64);
  on_completion = [&] { buffers.erase(id); };
  const Instant submitted = now;
  while (now < submitted + 180s) {  // the last tick sends again and gives up, all at once
    now = std::max(now + 1ns, session.deadline());
    session.tick(now);
  }
  EXPECT_EQ(told(), "[1 device is down]");
}

TEST_F(SessionTest, ADetachedPortIsNotTouchedAndTrafficMoves) {
  attach();
  attach();
  settle();
  told();
  submit(IoKind::read, 0, 200);
  session.detach(cables[0].id, now);
  cables[0].near.reset();
  settle();
  session.call(now, &Engine::discover, Address::everyone());
  session.tick(now + 1s);
  settle();
  EXPECT_EQ(told(), "[1 ok]");
}

TEST_F(SessionTest, ALinkThatChangesIsLookedAtAnew) {
  attach(1500);
  settle();
  EXPECT_EQ(session.engine().find(disk)->payload(), 1024U);
  const Mac mac{{2, 0, 0, 0, 1, 0xaa}};
  cables[0].near->set_link({.mac = mac, .mtu = 9000});
  session.link_changed(cables[0].id, now);
  settle();
  EXPECT_EQ(session.engine().find(disk)->payload(), 17 * sector_size);
  submit(IoKind::read, 0, 17);
  settle();
  EXPECT_TRUE(story.ends_with("[1 ok]"));
}

TEST_F(SessionTest, MoreFramesThanABatchAreAllReceived) {
  attach();
  settle();
  told();
  for (unsigned i = 0; i < 3 * batch_size; ++i) {
    const Address address{100, static_cast<std::uint8_t>(i)};
    const auto announcement =
        frame_of({Mac::broadcast(), target_mac, address, 0}, World::default_offer);
    cables[0].far->send(std::array{Outgoing{announcement, {}}});
  }
  session.receive(cables[0].id, now);
  EXPECT_EQ(session.engine().devices().size(), 1 + 3 * batch_size);
}

TEST_F(SessionTest, AWaitEndsWhenTheDeviceIsUp) {
  const auto waited = [this](const Completion& completion) {
    story += fmt::format("[wait {}]", describe(completion));
  };
  session.await(disk, 3s, waited, now);
  EXPECT_EQ(told(), "");
  attach();
  settle();
  EXPECT_EQ(told(), "[wait ok][up]");
  session.await(disk, 3s, waited, now);
  EXPECT_EQ(told(), "[wait ok]");
}

TEST_F(SessionTest, AWaitAsksAgainAndAgainUntilItsLimit) {
  attach();
  const Instant begun = now;
  session.await(
      {9, 9}, 600ms,
      [this](const Completion& completion) {
        story += fmt::format("[wait {}]", describe(completion));
      },
      now);
  std::string asked;
  for (std::array<Bytes, batch_size> frames; story.empty();) {
    const std::size_t count = cables[0].far->receive(frames);
    if (count > 0) asked += fmt::format("[{} ms]", (now - begun) / 1ms);
    now = session.deadline();
    session.tick(now);
  }
  EXPECT_EQ(asked, "[0 ms][250 ms][500 ms]");
  EXPECT_EQ(told(), "[wait no such device]");
  EXPECT_EQ(now, begun + 600ms);
}

TEST_F(SessionTest, WhatIsCancelledCompletesAndNothingComesLater) {
  attach();
  settle();
  told();
  cables[0].far->set_link({.up = false});
  const auto done = [this](const Completion& completion) { story += describe(completion) + "."; };
  const auto wait = session.await({9, 9}, 3s, done, now);
  const auto read =
      session.submit({.device = disk, .into = buffers[0] = disk_data(0, 1)}, done, now);
  const auto query = session.ask(
      {.device = disk}, [&](const QueryResult& result) { done(result.completion); }, now);
  for (const auto id : {wait, read, query}) session.cancel(id, now);
  EXPECT_EQ(told(), "cancelled.cancelled.cancelled.");
  for (const auto id : {wait, read, query}) session.cancel(id, now);
  session.tick(now + 10s);
  EXPECT_EQ(told(), "");
}

TEST_F(SessionTest, AllIsCancelledBeforeTheEnd) {
  attach();
  settle();
  told();
  cables[0].far->set_link({.up = false});
  submit(IoKind::read, 0, 1);
  submit(IoKind::flush, 0, 0);
  session.await(
      {9, 9}, 3s, [](const Completion&) {}, now);
  session.cancel_all();
  EXPECT_EQ(told(), "[1 cancelled][2 cancelled]");
}

}  // namespace
}  // namespace aoe::initiator
