#include "harness/judge/access.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

constexpr NodeIndex target = 1;

/// Frames between two initiators and a target, one a millisecond; all of them arrive at once.
class AccessTest : public testing::Test {
 protected:
  FrameId ask(const Body& body, std::uint32_t tag, const Mac& client = client_mac) {
    return enter(Direction::to_target, frame_of({server_mac, client, disk, tag}, body), {});
  }
  FrameId answer(const Body& body, FrameId request, const Mac& client = client_mac,
                 NodeIndex from = target) {
    return enter(Direction::to_initiator,
                 frame_of({client, server_mac, disk, ledger[request].tag}, body), request, from);
  }
  void arrives(FrameId id) {
    ledger[id].deliveries = 1;
    ledger[id].delivered = now;
  }
  void reserve(const std::vector<Mac>& macs) {
    const FrameId request = ask(ReserveRequest{ReserveCommand::force_set, listed(macs)}, 77);
    arrives(request);
    answer(ReserveReply{ReserveCommand::force_set, listed(macs)}, request);
  }
  void mask(const std::vector<Mac>& macs) {
    std::vector<Directive> directives;
    for (const Mac& mac : macs) directives.push_back({1, mac});
    std::vector<std::uint8_t> room(8 * macs.size());
    const FrameId request = ask(MaskRequest{MaskCommand::edit, pack(directives, room)}, 78);
    arrives(request);
    answer(MaskReply{.command = MaskCommand::edit, .list = pack(directives, room)}, request);
  }
  MacList listed(const std::vector<Mac>& macs) {
    room_.resize(6 * macs.size());
    return pack(macs, room_);
  }
  /// A read of this client, which arrives and gets this answer.
  void read(const Mac& client, const Body& reply) {
    const FrameId request = ask(read_command(2), ++tag_, client);
    arrives(request);
    answer(reply, request, client);
  }

  std::string violations() const {
    std::string lines;
    for (const Finding& finding : access.findings())
      lines += (lines.empty() ? "" : "\n") + finding.clause + ": " + comparable(finding.actual);
    return lines;
  }

  const AtaReply done{.status = ata::status_drdy};
  const ErrorReply refused{.command = 0, .code = ErrorCode::target_reserved};
  Instant now{};
  Ledger ledger{Instant{}};
  Access access{ledger};

 private:
  FrameId enter(Direction direction, const FrameBytes& bytes, std::optional<FrameId> answers,
                NodeIndex from = 0) {
    now += std::chrono::milliseconds(1);
    const auto frame = decode(bytes);
    LedgerEntry& entry = ledger.add(direction, bytes, frame, now);
    entry.answers = answers;
    access.sent(entry, *frame, from);
    return entry.id;
  }

  std::vector<std::uint8_t> room_;
  std::uint32_t tag_ = 100;
};

TEST_F(AccessTest, WhoDoesNotHoldTheReservationIsRefused) {
  read(other_mac, done);
  reserve({client_mac});
  read(client_mac, done);
  read(other_mac, refused);
  EXPECT_EQ(violations(), "");
  read(other_mac, done);
  EXPECT_EQ(violations(),
            "3.4/6: #n (e1.1 ATA reply ok lba 0 left 0 tag t) answers #n (e1.1 READ EXT lba 2+2 "
            "tag t), and 02:00:00:00:00:03 does not hold the reservation");
  EXPECT_EQ(access.count(), 1U);
}

TEST_F(AccessTest, AndNobodyElse) {
  reserve({client_mac});
  read(client_mac, refused);
  EXPECT_EQ(
      violations(),
      "3.4/6: #n (e1.1 error 6 (target is reserved) to ATA tag t) answers #n (e1.1 READ EXT lba "
      "2+2 tag t), and 02:00:00:00:00:01 has reserved the target");
  reserve({});
  read(other_mac, done);
  EXPECT_EQ(access.count(), 1U);
  read(other_mac, refused);
  EXPECT_EQ(access.count(), 2U) << "nobody has reserved it";
}

TEST_F(AccessTest, IdentifyIsForEveryone) {
  reserve({client_mac});
  const FrameId request =
      ask(AtaRequest{.sectors = 1, .opcode = ata::Opcode::identify_device}, 1, other_mac);
  arrives(request);
  answer(done, request, other_mac);
  EXPECT_EQ(violations(), "");
}

TEST_F(AccessTest, WhoIsMaskedGetsNoAnswerAtAll) {
  mask({client_mac});
  read(client_mac, done);
  EXPECT_EQ(violations(), "");
  read(other_mac, refused);
  EXPECT_EQ(
      violations(),
      "3.3/8: #n (e1.1 error 6 (target is reserved) to ATA tag t) answers #n (e1.1 READ EXT lba "
      "2+2 tag t), and 02:00:00:00:00:03 is not on the mask list");
}

TEST_F(AccessTest, WhatArrivedBeforeTheReplyMayGoEitherWay) {
  const FrameId before = ask(read_command(2), 1, other_mac);
  arrives(before);
  const FrameId lost = ask(read_command(4), 2, other_mac);
  reserve({client_mac});
  answer(done, before, other_mac);
  const FrameId again = ask(read_command(6), 1, other_mac);  // with the tag of the first
  arrives(again);
  ledger[again].repeats = before;
  answer(done, again, other_mac);
  answer(done, lost, other_mac);  // that it never had is another rule's matter
  EXPECT_EQ(violations(), "");
}

TEST_F(AccessTest, WhileAChangeIsOnItsWayNothingIsKnown) {
  reserve({client_mac});
  const FrameId change = ask(ReserveRequest{ReserveCommand::force_set, {}}, 50, other_mac);
  read(other_mac, done);
  // What is told to another may be from before it arrived.
  const FrameId look = ask(ReserveRequest{}, 51);
  arrives(look);
  answer(ReserveReply{ReserveCommand::read, listed({client_mac})}, look);
  read(other_mac, done);
  EXPECT_EQ(violations(), "");
  arrives(change);
  answer(ReserveReply{ReserveCommand::force_set, listed({other_mac})}, change, other_mac);
  read(other_mac, done);
  EXPECT_EQ(violations(), "");
  read(client_mac, done);
  EXPECT_EQ(access.count(), 1U);
}

TEST_F(AccessTest, AChangeThatIsLostChangesNothing) {
  const FrameId change = ask(ReserveRequest{ReserveCommand::force_set, {}}, 50, other_mac);
  ledger[change].dropped_by = ledger.keep("loss");
  reserve({client_mac});
  read(other_mac, done);
  EXPECT_EQ(access.count(), 1U);
}

TEST_F(AccessTest, AChangeThatIsRefusedEnds) {
  reserve({client_mac});
  const FrameId change = ask(ReserveRequest{ReserveCommand::set, {}}, 50, other_mac);
  arrives(change);
  answer(ErrorReply{.command = 3, .code = ErrorCode::target_reserved}, change, other_mac);
  read(other_mac, done);
  EXPECT_EQ(access.count(), 0U) << "unknown until it is told again";
  const FrameId look = ask(ReserveRequest{}, 51);
  arrives(look);
  answer(ReserveReply{ReserveCommand::read, listed({client_mac})}, look);
  read(other_mac, done);
  EXPECT_EQ(access.count(), 1U);
}

TEST_F(AccessTest, AnEditThatStopsHalfwayLeavesTheMaskUnknown) {
  mask({client_mac});
  const FrameId change = ask(MaskRequest{MaskCommand::edit, {}}, 50);
  arrives(change);
  answer(MaskReply{.command = MaskCommand::edit, .error = MaskError::list_full}, change);
  read(other_mac, done);
  EXPECT_EQ(violations(), "");
}

TEST_F(AccessTest, EachTargetHasListsOfItsOwnWhichItMayLose) {
  reserve({client_mac});
  const FrameId request = ask(read_command(2), 1, other_mac);
  arrives(request);
  answer(done, request, other_mac, target + 1);
  EXPECT_EQ(violations(), "");
  access.forget(target + 1);
  read(other_mac, done);
  EXPECT_EQ(access.count(), 1U);
  access.forget(target);
  read(other_mac, done);
  EXPECT_EQ(access.count(), 1U);
}

TEST_F(AccessTest, OfManyFindingsTheFirstAreKept) {
  reserve({client_mac});
  for (std::size_t i = 0; i < Access::findings_kept + 5; ++i) read(other_mac, done);
  EXPECT_EQ(access.findings().size(), Access::findings_kept);
  EXPECT_EQ(access.count(), Access::findings_kept + 5);
}

}  // namespace
}  // namespace aoe::harness
