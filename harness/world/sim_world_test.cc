#include "harness/world/sim_world.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "harness/judge/pattern.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using initiator::IoError;
using initiator::IoKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// What a scenario's steps do to the ends, done by hand.
class SimWorldTest : public testing::Test {
 protected:
  SimWorldTest() {
    world.discover(disk);
    EXPECT_TRUE(comes_up());
  }

  bool comes_up() {
    return world.run_until([&] { return world.is_up(disk); }, world.now() + seconds(3));
  }
  void pass(Duration time) {
    world.run_until([] { return false; }, world.now() + time);
  }
  template <class Value>
  void change(End end, Value Link::*what, std::type_identity_t<Value> value) {
    Link link = world.link(end);
    link.*what = value;
    EXPECT_TRUE(world.set_link(end, link));
  }
  /// Starts a request; what comes of it is in `result`.
  void start(IoKind kind, std::uint64_t lba = 0) {
    result.reset();
    world.submit({.kind = kind, .device = disk, .lba = lba, .into = into, .from = from},
                 [&](const initiator::Completion& completion) { result = completion.error; });
  }
  std::optional<IoError> finish(Duration patience = seconds(10)) {
    world.run_until([&] { return result.has_value(); }, world.now() + patience);
    return result;
  }
  std::optional<IoError> run(IoKind kind, std::uint64_t lba = 0) {
    start(kind, lba);
    return finish();
  }

  const Scenario scenario = *parse_scenario(trial(""), "trial.yaml");
  Ledger ledger{SimWorld::origin};
  Exchanges exchanges{ledger, 16};
  FaultStage stage{ledger, exchanges, {}, 1};
  SimWorld world{scenario, stage, exchanges, 1};
  std::vector<std::uint8_t> into = std::vector<std::uint8_t>(2 * sector_size);
  std::vector<std::uint8_t> from = std::vector<std::uint8_t>(2 * sector_size, 0x77);
  std::optional<IoError> result;
};

TEST_F(SimWorldTest, AnInitiatorsNewAddressIsAnsweredToo) {
  change(End::initiator, &Link::mac, other_mac);
  EXPECT_EQ(run(IoKind::read), IoError::none);
}

TEST_F(SimWorldTest, NothingPassesAnEndWithoutACarrier) {
  for (const End end : {End::initiator, End::target}) {
    change(end, &Link::up, false);
    start(IoKind::read);
    EXPECT_EQ(finish(milliseconds(500)), std::nullopt) << text(end);
    change(end, &Link::up, true);
    EXPECT_EQ(finish(), IoError::none) << text(end);
  }
}

TEST_F(SimWorldTest, WhatFindsNoLinkOrTooNarrowAOneIsLost) {
  change(End::target, &Link::up, false);
  FrameId asked = ledger.size();
  start(IoKind::read);
  pass(milliseconds(1));
  EXPECT_EQ(ledger.fate(asked), "lost: the link is down");
  change(End::target, &Link::up, true);
  EXPECT_EQ(finish(), IoError::none);

  change(End::target, &Link::mtu, 600);
  asked = ledger.size();
  start(IoKind::write);
  pass(milliseconds(1));
  EXPECT_EQ(ledger.fate(asked), "lost: too long for the link");
}

TEST_F(SimWorldTest, ALargerMtuIsUsedAndASmallerOneKept) {
  const auto longest = [&] {
    const FrameId first = ledger.size();
    into.resize(16 * sector_size);
    EXPECT_EQ(run(IoKind::read), IoError::none);
    std::uint32_t size = 0;
    for (FrameId id = first; id < ledger.size(); ++id) size = std::max(size, ledger[id].size);
    return size;
  };
  EXPECT_EQ(longest(), 36 + 2 * sector_size);
  for (const End end : {End::target, End::initiator}) change(end, &Link::mtu, 9000);
  world.discover(disk);
  pass(seconds(1));
  EXPECT_EQ(longest(), 36 + 16 * sector_size);
  change(End::initiator, &Link::mtu, 1500);
  EXPECT_EQ(longest(), 36 + 2 * sector_size);
}

TEST_F(SimWorldTest, ATargetThatStoodStillAnswersWhatItHeardMeanwhile) {
  ASSERT_TRUE(world.pause(true));
  start(IoKind::read);
  EXPECT_EQ(finish(milliseconds(50)), std::nullopt);
  const FrameId asked = ledger.size();
  ASSERT_TRUE(world.pause(false));
  EXPECT_EQ(finish(milliseconds(1)), IoError::none);
  EXPECT_EQ(ledger.size(), asked + 1) << "the request was not repeated";
}

TEST_F(SimWorldTest, AKilledTargetIsSilentAndComesBackWithWhatWasFlushed) {
  ASSERT_EQ(run(IoKind::write, 4), IoError::none);
  ASSERT_EQ(run(IoKind::flush), IoError::none);
  ASSERT_TRUE(world.kill());
  EXPECT_EQ(run(IoKind::read, 4), IoError::device_down);
  world.start_target();
  world.discover(disk);
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(run(IoKind::read, 4), IoError::none);
  EXPECT_EQ(into, from);
}

TEST_F(SimWorldTest, ATargetKeepsWhatClientsSetWhenItIsKilled) {
  const auto answers = [&](const Body& body) {
    const FrameId before = ledger.size();
    world.inject(Direction::to_target, frame_of({server_mac, client_mac, disk, 0x77}, body));
    pass(milliseconds(1));
    return ledger.size() > before + 1 ? ledger.summary(before + 1) : "silence";
  };
  const std::string set = answers(ConfigRequest{ConfigCommand::set, as_bytes("mine")});
  EXPECT_NE(set, "silence");
  ASSERT_TRUE(world.kill());
  EXPECT_EQ(answers(ConfigRequest{}), "silence");
  world.start_target();
  pass(milliseconds(1));
  EXPECT_NE(answers(ConfigRequest{ConfigCommand::test, as_bytes("mine")}), "silence");
  EXPECT_EQ(answers(ConfigRequest{ConfigCommand::test, as_bytes("yours")}), "silence");
}

TEST_F(SimWorldTest, AFaultyDiskFailsItsRequestsOnly) {
  ASSERT_TRUE(world.set_disk_faults(DiskFaults{.reads = false, .lba = 10, .sectors = 2}));
  EXPECT_EQ(run(IoKind::write, 10), IoError::ata_error);
  EXPECT_EQ(run(IoKind::write, 12), IoError::none);
  EXPECT_EQ(run(IoKind::read, 10), IoError::none);
  ASSERT_TRUE(world.set_disk_faults(std::nullopt));
  EXPECT_EQ(run(IoKind::write, 10), IoError::none);
}

TEST_F(SimWorldTest, WhatTheStoreHoldsIsReadPastTheTarget) {
  ASSERT_TRUE(world.read_store(8 * sector_size, into));
  EXPECT_TRUE(holds_pattern({8, 0}, Bytes(into).first(sector_size)));
  ASSERT_EQ(run(IoKind::write, 8), IoError::none);
  ASSERT_TRUE(world.read_store(8 * sector_size, into));
  EXPECT_EQ(into, from);
}

TEST(SimWorldMemory, ADayOfVirtualTimeTakesNoMoreThanItsFirstHours) {
  const Folder folder;
  const Scenario scenario = *parse_scenario(trial(""), "trial.yaml");
  Ledger ledger(SimWorld::origin, folder.path());
  Exchanges exchanges(ledger, 16);
  FaultStage stage(ledger, exchanges, {}, 1);
  SimWorld world(scenario, stage, exchanges, 1);
  const auto pass = [&](Duration time) {
    world.run_until([] { return false; }, world.now() + time);
  };
  world.discover(disk);
  pass(seconds(1));
  std::array<std::uint8_t, 2 * sector_size> into;
  std::uint64_t done = 0;
  const auto live = [&](std::chrono::hours hours) {
    for (const Instant until = world.now() + hours; world.now() < until; pass(milliseconds(500))) {
      world.submit({.device = disk, .into = into}, [&](const initiator::Completion& completion) {
        done += completion.error == IoError::none;
      });
    }
  };
  live(std::chrono::hours(12));
  const std::size_t before = resident_bytes();
  live(std::chrono::hours(12));
  EXPECT_EQ(done, 24U * 3600 * 2);
  EXPECT_GT(ledger.size(), 2 * done);
  EXPECT_LT(resident_bytes(), before + 2 * ChunkStore::chunk_size);
  EXPECT_EQ(exchanges.findings().size(), 0U);
}

}  // namespace
}  // namespace aoe::harness
