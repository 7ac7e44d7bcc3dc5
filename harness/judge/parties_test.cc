#include "harness/judge/parties.h"

#include <gtest/gtest.h>

#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

constexpr NodeIndex first = 0;
constexpr NodeIndex second = 1;
constexpr PortIndex server_port = 2;

/// Two initiators and a target, on a link that takes no time.
class PartiesTest : public testing::Test {
 protected:
  FrameId sent(PortIndex from, const FrameBytes& bytes) {
    const Direction direction =
        from == server_port ? Direction::to_initiator : Direction::to_target;
    LedgerEntry& entry = ledger.add(direction, bytes, Instant{});
    entry.from = from;
    parties.sent(entry, bytes, *decode(bytes));
    return entry.id;
  }
  void arrived(FrameId id, PortIndex at) {
    ++ledger[id].deliveries;
    parties.delivered(ledger[id], at, Instant{});
  }
  FrameBytes ask(const Mac& client, std::uint64_t lba, std::uint32_t tag) const {
    return frame_of({server_mac, client, disk, tag}, read_command(lba));
  }
  FrameBytes answer(const Mac& client, std::uint32_t tag) const {
    return frame_of({client, server_mac, disk, tag},
                    AtaReply{.status = ata::status_drdy, .data = two_sectors});
  }

  const std::vector<std::uint8_t> two_sectors = std::vector<std::uint8_t>(2 * sector_size);
  const Scenario scenario = *parse_scenario(
      "scenario: s\ntitle: t\nnodes:\n  i: {role: initiator, count: 2}\n"
      "  t: {role: target, buffers: 2}\nsteps:\n- wait: 1ms\n",
      "x.yaml");
  Ledger ledger{Instant{}};
  Parties parties{ledger, scenario};
};

TEST_F(PartiesTest, TheSameTagOfTwoInitiatorsIsTwoRequests) {
  arrived(sent(0, ask(client_mac, 0, 7)), server_port);
  arrived(sent(1, ask(other_mac, 8, 7)), server_port);
  EXPECT_EQ(parties.of(first).open(), 1U);
  EXPECT_EQ(parties.of(second).open(), 1U);
  arrived(sent(server_port, answer(other_mac, 7)), 1);
  EXPECT_EQ(parties.of(first).open(), 1U);
  EXPECT_EQ(parties.of(second).open(), 0U);
  EXPECT_TRUE(parties.findings().empty());
}

TEST_F(PartiesTest, EachHasAWindowOfItsOwn) {
  for (std::uint32_t i = 0; i < 2; ++i) {
    sent(0, ask(client_mac, 10 + 2 * i, 1 + i));
    sent(1, ask(other_mac, 20 + 2 * i, 1 + i));
  }
  EXPECT_TRUE(parties.findings().empty());
  sent(1, ask(other_mac, 40, 9));
  ASSERT_EQ(parties.findings().size(), 1U);
  EXPECT_EQ(parties.findings().front().actual.substr(0, 4), "i2: ");
  EXPECT_EQ(parties.count(Check::window_respected), 1U);
}

TEST_F(PartiesTest, WhatASwitchSendsEverywhereIsForOne) {
  arrived(sent(0, ask(client_mac, 0, 7)), server_port);
  const FrameId reply = sent(server_port, answer(client_mac, 7));
  arrived(reply, 1);
  EXPECT_EQ(parties.of(first).open(), 1U) << "it has reached the other alone";
  arrived(reply, 0);
  EXPECT_EQ(parties.of(first).open(), 0U);
  EXPECT_EQ(ledger[reply].client, first);
}

TEST_F(PartiesTest, AnAnswerToNobodyIsTold) {
  sent(server_port, answer(client_mac, 0x99));
  ASSERT_EQ(parties.findings().size(), 1U);
  EXPECT_EQ(parties.findings().front().rule, "no-unasked-reply");
}

}  // namespace
}  // namespace aoe::harness
