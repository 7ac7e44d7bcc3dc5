#include "harness/link/fault_stage.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/yaml_map.h"
#include "harness/language/time_window.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

FaultSpec spec_of(const std::string& yaml) {
  YamlMap map(YAML::Load(yaml), "x.yaml", "arm");
  return FaultSpec::parse(map, Network::of_two());
}

PortIndex sender(Direction direction) {
  return direction == Direction::to_target ? initiator_port : target_port;
}

/// Notes the request that a reply answers, as the judge of a link does, and judges nothing.
struct Notes final : LinkObserver {
  void sent(LedgerEntry& entry, Bytes, const Frame& frame) override {
    if (!frame.response) requests[frame.header.tag] = entry.id;
    if (frame.response && requests.contains(frame.header.tag)) {
      entry.answers = requests[frame.header.tag];
    }
  }
  void delivered(LedgerEntry&, PortIndex, Instant) override {}
  void delivered_config(const Frame&, PortIndex, Instant) override {}
  void delivered_altered(const LedgerEntry&, const Frame&, PortIndex, Instant) override {}
  std::map<std::uint32_t, FrameId> requests;  // by tag
};

class FaultStageTest : public testing::Test {
 protected:
  FaultStageTest() : stage(ledger, notes, *Captures::create(folder.path(), Network::of_two()), 1) {}

  void arm(const std::string& yaml) { stage.arm(spec_of(yaml), now); }

  /// A frame enters; what leaves does so when it is due. Returns "0" for a copy without delay,
  /// "1ms" for one with: "0 0" for two.
  std::string pass(Direction direction, const FrameBytes& frame) {
    now += milliseconds(1);
    std::vector<Delivery> out;
    stage.enter(sender(direction), frame, now, out);
    std::string copies;
    for (Delivery& delivery : out) {
      EXPECT_EQ(delivery.bytes, frame);
      EXPECT_EQ(delivery.direction, direction);
      EXPECT_EQ(delivery.id, ledger.size() - 1);
      stage.leave(delivery, server_mac, now + microseconds(100) + delivery.delay);
      copies += (copies.empty() ? "" : " ") +
                (delivery.delay == Duration{} ? "0" : describe(delivery.delay));
      stage.recycle(std::move(delivery));
    }
    return copies;
  }
  std::string read(std::uint64_t lba, std::uint32_t tag) {
    return pass(Direction::to_target, request_frame(read_command(lba), tag));
  }
  std::string answer(std::uint32_t tag) { return pass(Direction::to_initiator, reply_frame(tag)); }
  std::string fate(FrameId id) const { return ledger.fate(id); }

  /// "0.001 to-target size, …" of a capture; read back as anybody would.
  std::vector<std::pair<Duration, FrameBytes>> captured(const std::string& name) {
    EXPECT_TRUE(stage.captures().flush());
    std::vector<std::pair<Duration, FrameBytes>> frames;
    const auto reader = PcapReader::open(folder.path(name));
    EXPECT_TRUE(reader) << reader.error();
    for (auto record = (*reader)->next(); record && *record; record = (*reader)->next()) {
      frames.emplace_back((*record)->time,
                          FrameBytes((*record)->bytes.begin(), (*record)->bytes.end()));
    }
    return frames;
  }

  const Folder folder;
  Instant now{};
  Ledger ledger{Instant{}};
  Notes notes;
  FaultStage stage;
};

TEST_F(FaultStageTest, WithoutFaultsEachFrameLeavesOnceAndAtOnce) {
  EXPECT_EQ(read(0, 1), "0");
  EXPECT_EQ(answer(1), "0");
  EXPECT_EQ(fate(0), "");
  EXPECT_EQ(fate(1), "");
  EXPECT_EQ(ledger[0].sent, Instant(milliseconds(1)));
  EXPECT_EQ(ledger[0].delivered, Instant(microseconds(1100)));
}

TEST_F(FaultStageTest, ADroppedFrameDoesNotLeave) {
  arm("{fault: drop, id: loss, nth: 2}");
  EXPECT_EQ(read(0, 1), "0");
  EXPECT_EQ(read(2, 2), "");
  EXPECT_EQ(read(4, 3), "0");
  EXPECT_EQ(fate(1), "dropped by loss");
  EXPECT_EQ(stage.account("loss").hits, 1U);
  EXPECT_EQ(stage.account("loss").dropped, std::vector<FrameId>{1});
}

TEST_F(FaultStageTest, ADuplicateLeavesTwiceAndAReorderedFrameLater) {
  arm("{fault: duplicate, id: twice, nth: 1}");
  arm("{fault: reorder, id: late, nth: 2, by: 3ms}");
  EXPECT_EQ(read(0, 1), "0 0");
  EXPECT_EQ(read(2, 2), "3ms");
  EXPECT_EQ(fate(0), "delivered 2 times (twice)");
  EXPECT_EQ(fate(1), "(late)");
  EXPECT_EQ(ledger[1].delivered - ledger[1].sent, microseconds(3100));
}

TEST_F(FaultStageTest, FaultsStack) {
  arm("{fault: duplicate, id: a}");
  arm("{fault: duplicate, id: b}");
  arm("{fault: reorder, id: c, by: 1ms}");
  arm("{fault: reorder, id: d, by: 2ms}");
  EXPECT_EQ(read(0, 1), "3ms 3ms 3ms");
  EXPECT_EQ(fate(0), "delivered 3 times (a b c d)");
}

TEST_F(FaultStageTest, AFrameThatOneFaultDroppedMeetsNoOther) {
  arm("{fault: duplicate, id: before}");
  arm("{fault: drop, id: loss, every: 2}");
  arm("{fault: duplicate, id: behind, every: 2}");
  for (std::uint32_t i = 0; i < 4; ++i) read(2 * i, i);
  EXPECT_EQ(fate(1), "dropped by loss (before)");
  EXPECT_EQ(stage.account("before").hits, 4U);
  EXPECT_EQ(stage.account("loss").hits, 2U);
  EXPECT_EQ(stage.account("behind").hits, 1U) << "it saw the first and the third frame";
}

TEST_F(FaultStageTest, AHealedFaultStrikesNoMoreAndItsHitsRemain) {
  arm("{fault: partition, id: cut}");
  arm("{fault: drop, id: loss, match: {direction: to-initiator}}");
  EXPECT_EQ(read(0, 1), "");
  stage.heal("cut");
  EXPECT_EQ(read(2, 2), "0");
  EXPECT_EQ(answer(2), "");
  stage.heal_all();
  EXPECT_EQ(answer(2), "0");
  EXPECT_EQ(stage.account("cut").hits, 1U);
  EXPECT_EQ(stage.account("loss").hits, 1U);
}

TEST_F(FaultStageTest, AReplyMatchesByWhatItsRequestAskedFor) {
  arm("{fault: drop, id: writes, match: {direction: to-initiator, command: write}}");
  read(0, 1);
  pass(Direction::to_target, request_frame(write_command(2), 2));
  EXPECT_EQ(answer(1), "0");
  EXPECT_EQ(answer(2), "");
}

TEST_F(FaultStageTest, WhatIsNotAoePassesAndIsRecorded) {
  arm("{fault: drop, id: loss, match: {command: ata}}");
  EXPECT_EQ(pass(Direction::to_target, FrameBytes(60, 0)), "0");
  EXPECT_EQ(pass(Direction::to_target, FrameBytes(5, 0)), "0");
  EXPECT_EQ(ledger.size(), 2U);
}

TEST_F(FaultStageTest, CapturesHoldWhatEachSideSawAndWhen) {
  arm("{fault: drop, id: lost-request, match: {direction: to-target}, nth: 1}");
  arm("{fault: drop, id: lost-answer, match: {direction: to-initiator}, nth: 1}");
  arm("{fault: duplicate, id: twice, match: {direction: to-initiator}, nth: 1}");
  const auto request = [](std::uint32_t tag) { return request_frame(read_command(0), tag); };
  read(0, 1);  // lost: the initiator's side has it, the target's has not
  read(0, 2);
  answer(2);  // lost on its way back
  answer(2);  // arrives twice

  using Frames = std::vector<std::pair<Duration, FrameBytes>>;
  EXPECT_EQ(captured("initiator-side.pcap"), (Frames{{microseconds(1000), request(1)},
                                                     {microseconds(2000), request(2)},
                                                     {microseconds(4100), reply_frame(2)},
                                                     {microseconds(4100), reply_frame(2)}}));
  EXPECT_EQ(captured("target-side.pcap"), (Frames{{microseconds(2100), request(2)},
                                                  {microseconds(3000), reply_frame(2)},
                                                  {microseconds(4000), reply_frame(2)}}));
}

TEST_F(FaultStageTest, EachCopyOfAWriteThatReachesTheTargetIsTold) {
  std::string told;
  stage.watch_writes([&](NodeIndex, Address, std::uint64_t lba, Bytes data) {
    told += fmt::format("{}+{} ", lba, data.size());
  });
  arm("{fault: duplicate, id: twice, nth: 1}");
  arm("{fault: drop, id: loss, nth: 2}");
  arm("{fault: corrupt, id: astray, nth: 1, xor: {lba: 0x40}}");
  const auto write = [&](std::uint64_t lba, std::uint32_t tag) {
    std::vector<Delivery> out;
    stage.enter(initiator_port, request_frame(write_command(lba), tag), now, out);
    for (const Delivery& delivery : out) stage.leave(delivery, server_mac, now);
  };
  write(2, 1);  // twice, and astray
  write(4, 2);  // lost
  write(6, 3);
  read(8, 4);
  answer(3);
  EXPECT_EQ(told, "66+1024 66+1024 6+1024 ");
  stage.watch_writes(nullptr);
  write(6, 5);
  EXPECT_EQ(told, "66+1024 66+1024 6+1024 ");
}

TEST(Captures, AFolderThatIsNotThereIsNamed) {
  const auto captures = Captures::create("/nowhere", Network::of_two());
  ASSERT_FALSE(captures);
  EXPECT_EQ(captures.error(), "/nowhere/initiator-side.pcap: No such file or directory");
}

}  // namespace
}  // namespace aoe::harness
