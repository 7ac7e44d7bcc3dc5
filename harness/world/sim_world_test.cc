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
    client.discover(disk);
    EXPECT_TRUE(comes_up());
  }

  bool comes_up() {
    return world.run_until([&] { return client.is_up(disk); }, world.now() + seconds(3));
  }
  void pass(Duration time) {
    world.run_until([] { return false; }, world.now() + time);
  }
  template <class Value>
  void change(PortIndex port, Value Link::*what, std::type_identity_t<Value> value) {
    Link link = world.link(port);
    link.*what = value;
    EXPECT_TRUE(world.set_link(port, link));
  }
  /// Starts a request; what comes of it is in `result`.
  void start(IoKind kind, std::uint64_t lba = 0) {
    result.reset();
    client.submit({.kind = kind, .device = disk, .lba = lba, .into = into, .from = from},
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
  Parties parties{ledger, scenario};
  FaultStage stage{ledger, parties, {}, 1};
  SimWorld world{scenario, stage, parties, 1};
  InitiatorEnd& client = world.initiator(initiator_node);
  TargetEnd& server = world.target(target_node);
  std::vector<std::uint8_t> into = std::vector<std::uint8_t>(2 * sector_size);
  std::vector<std::uint8_t> from = std::vector<std::uint8_t>(2 * sector_size, 0x77);
  std::optional<IoError> result;
};

TEST_F(SimWorldTest, AnInitiatorsNewAddressIsAnsweredToo) {
  change(initiator_port, &Link::mac, other_mac);
  EXPECT_EQ(run(IoKind::read), IoError::none);
}

TEST_F(SimWorldTest, NothingPassesAnEndWithoutACarrier) {
  for (const PortIndex port : {initiator_port, target_port}) {
    change(port, &Link::up, false);
    start(IoKind::read);
    EXPECT_EQ(finish(milliseconds(500)), std::nullopt) << port;
    change(port, &Link::up, true);
    EXPECT_EQ(finish(), IoError::none) << port;
  }
}

TEST_F(SimWorldTest, WhatFindsNoLinkOrTooNarrowAOneIsLost) {
  change(target_port, &Link::up, false);
  FrameId asked = ledger.size();
  start(IoKind::read);
  pass(milliseconds(1));
  EXPECT_EQ(ledger.fate(asked), "lost: the link is down");
  change(target_port, &Link::up, true);
  EXPECT_EQ(finish(), IoError::none);

  change(target_port, &Link::mtu, 600);
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
  for (const PortIndex port : {target_port, initiator_port}) change(port, &Link::mtu, 9000);
  client.discover(disk);
  pass(seconds(1));
  EXPECT_EQ(longest(), 36 + 16 * sector_size);
  change(initiator_port, &Link::mtu, 1500);
  EXPECT_EQ(longest(), 36 + 2 * sector_size);
}

TEST_F(SimWorldTest, ATargetThatStoodStillAnswersWhatItHeardMeanwhile) {
  ASSERT_TRUE(server.pause(true));
  start(IoKind::read);
  EXPECT_EQ(finish(milliseconds(50)), std::nullopt);
  const FrameId asked = ledger.size();
  ASSERT_TRUE(server.pause(false));
  EXPECT_EQ(finish(milliseconds(1)), IoError::none);
  EXPECT_EQ(ledger.size(), asked + 1) << "the request was not repeated";
}

TEST_F(SimWorldTest, AKilledTargetIsSilentAndComesBackWithWhatWasFlushed) {
  ASSERT_EQ(run(IoKind::write, 4), IoError::none);
  ASSERT_EQ(run(IoKind::flush), IoError::none);
  ASSERT_TRUE(server.kill());
  EXPECT_EQ(run(IoKind::read, 4), IoError::device_down);
  ASSERT_TRUE(server.start());
  client.discover(disk);
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(run(IoKind::read, 4), IoError::none);
  EXPECT_EQ(into, from);
}

TEST_F(SimWorldTest, ATargetKeepsWhatClientsSetWhenItIsKilled) {
  const auto answers = [&](const Body& body) {
    const FrameId before = ledger.size();
    world.inject(initiator_port, frame_of({server_mac, client_mac, disk, 0x77}, body));
    pass(milliseconds(1));
    return ledger.size() > before + 1 ? ledger.summary(before + 1) : "silence";
  };
  const std::string set = answers(ConfigRequest{ConfigCommand::set, as_bytes("mine")});
  EXPECT_NE(set, "silence");
  ASSERT_TRUE(server.kill());
  EXPECT_EQ(answers(ConfigRequest{}), "silence");
  ASSERT_TRUE(server.start());
  pass(milliseconds(1));
  EXPECT_NE(answers(ConfigRequest{ConfigCommand::test, as_bytes("mine")}), "silence");
  EXPECT_EQ(answers(ConfigRequest{ConfigCommand::test, as_bytes("yours")}), "silence");
}

TEST_F(SimWorldTest, AFaultyDiskFailsItsRequestsOnly) {
  ASSERT_TRUE(server.set_disk_faults(0, DiskFaults{.reads = false, .lba = 10, .sectors = 2}));
  EXPECT_EQ(run(IoKind::write, 10), IoError::ata_error);
  EXPECT_EQ(run(IoKind::write, 12), IoError::none);
  EXPECT_EQ(run(IoKind::read, 10), IoError::none);
  ASSERT_TRUE(server.set_disk_faults(0, std::nullopt));
  EXPECT_EQ(run(IoKind::write, 10), IoError::none);
}

TEST_F(SimWorldTest, WhatTheStoreHoldsIsReadPastTheTarget) {
  ASSERT_TRUE(server.read_store(0, 8 * sector_size, into));
  EXPECT_TRUE(holds_pattern({8, 0}, Bytes(into).first(sector_size)));
  ASSERT_EQ(run(IoKind::write, 8), IoError::none);
  ASSERT_TRUE(server.read_store(0, 8 * sector_size, into));
  EXPECT_EQ(into, from);
}

TEST(SimWorldMemory, ADayOfVirtualTimeTakesNoMoreThanItsFirstHours) {
  const Folder folder;
  const Scenario scenario = *parse_scenario(trial(""), "trial.yaml");
  Ledger ledger(SimWorld::origin, folder.path());
  Parties parties(ledger, scenario);
  FaultStage stage(ledger, parties, {}, 1);
  SimWorld world(scenario, stage, parties, 1);
  InitiatorEnd& client = world.initiator(initiator_node);
  const auto pass = [&](Duration time) {
    world.run_until([] { return false; }, world.now() + time);
  };
  client.discover(disk);
  pass(seconds(1));
  std::array<std::uint8_t, 2 * sector_size> into;
  std::uint64_t done = 0;
  const auto live = [&](std::chrono::hours hours) {
    for (const Instant until = world.now() + hours; world.now() < until; pass(milliseconds(500))) {
      client.submit({.device = disk, .into = into}, [&](const initiator::Completion& completion) {
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
  EXPECT_EQ(parties.findings().size(), 0U);
}

}  // namespace
}  // namespace aoe::harness
