#include "harness/run/every_answer.h"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/testing/counted_new.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"
#include "proto/frame.h"

namespace aoe::harness {
namespace {

/// What the answers of a case broke: "2/4 version: expected …".
std::string broken(const std::string& mutant, const std::string& steps) {
  const Play play(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}, mutant: {end: target, behave: " +
      mutant + "}}\nsteps:\n" + steps);
  std::string text;
  for (const Finding& finding : play.verdict.answers) {
    text += finding.clause + " expected " + finding.expected + ", got " + finding.actual + "\n";
  }
  EXPECT_EQ(play.failures(), "") << "whatever they broke, the case is about something else";
  return comparable(text);
}

TEST(EveryAnswer, ChargesTheFirstAnswerAndCountsTheOthers) {
  EXPECT_EQ(
      broken("refuses-as-version-0",
             "- config: {op: 9, expect: bad-argument}\n"
             "- mask: {op: 9, expect: bad-argument}\n"
             "- reserve: {op: 9, expect: bad-argument}\n"),
      "2/4 expected version: 1, got 0 (#n: e1.1 bad config reply, 60 bytes: unsupported version "
      "(offset 14: have 0, need 1) tag t) (and n more)\n");
}

TEST(EveryAnswer, FindsATagThatNoRequestHad) {
  EXPECT_EQ(
      broken("answers-unasked", "- ask: {kind: read}\nalways: [liveness]\n"),
      "2/7 expected tag: that of a request, got 0x0a000000 (#n: e1.1 ATA reply ok lba 0 left 0 "
      "tag t)\n");
}

/// A link without ends, whose frames a test spells.
struct Watched {
  const Scenario scenario = parse_scenario(trial(""), "x.yaml").value();
  Ledger ledger{SimWorld::origin};
  Parties parties{ledger, scenario};
  FaultStage stage{ledger, parties, {}, 1};
  SimWorld world{scenario, stage, parties, 1};
  EveryAnswer every_answer{scenario, world, ledger};

  void ask(std::uint32_t tag) {
    std::vector<Delivery> arriving;
    const Instant now = SimWorld::origin;
    stage.enter(initiator_port, request_frame(read_command(0), tag), now, arriving);
    stage.leave(arriving.front(), target_mac, now);
  }
  void answer(std::uint32_t tag) {
    std::vector<Delivery> arriving;
    stage.enter(target_port, reply_frame(tag), SimWorld::origin, arriving);
  }
};

TEST(EveryAnswer, TakesNoForgottenTagForOneThatNoRequestHad) {
  Watched link;
  constexpr std::uint32_t more_than_are_kept = 5000;
  for (std::uint32_t tag = 1; tag <= more_than_are_kept; ++tag) link.ask(tag);
  link.answer(1);
  EXPECT_TRUE(link.every_answer.findings().empty());
  link.answer(0x7000'0000);
  ASSERT_EQ(link.every_answer.findings().size(), 1U);
  EXPECT_EQ(link.every_answer.findings().front().clause, "2/7");
}

TEST(EveryAnswer, AllocatesNothingForAnAnswerThatIsWell) {
  const FrameBytes request = request_frame(read_command(0), 1);
  const FrameBytes reply = reply_frame(1);
  const std::size_t before = allocations();
  const bool is_well = broken_answer_rules(request, reply, {server_mac, disk}).empty();
  EXPECT_EQ(allocations(), before);
  EXPECT_TRUE(is_well);
}

TEST(EveryAnswer, AreNotJudgedUnlessAskedFor) {
  const auto scenario = parse_scenario(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}, mutant: {end: target, behave: "
      "refuses-as-version-0}}\nsteps:\n- config: {op: 9, expect: bad-argument}\n",
      "x.yaml");
  ASSERT_TRUE(scenario) << scenario.error();
  Ledger ledger(SimWorld::origin);
  Parties parties(ledger, *scenario);
  FaultStage stage(ledger, parties, {}, 1, scenario->network);
  SimWorld world(*scenario, stage, parties, 1, mutant_of(*scenario));
  EXPECT_TRUE(play_scenario(*scenario, world, ledger, parties, 1).answers.empty());
}

TEST(EveryAnswer, LeavesAloneTheAnswersToWhatNobodyMaySend) {
  EXPECT_EQ(broken("sets-a-reserved-flag", "- send: {config: {op: read}, flags: 1}\n- wait: 1ms\n"),
            "");
}

TEST(EveryAnswer, LeavesAloneWhatAFaultHasDone) {
  const Play play(
      "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}}\nsteps:\n"
      "- arm: {fault: corrupt, id: c, match: {direction: to-initiator}, set: {version: 0}}\n"
      "- send: {config: {op: read}}\n"
      "- wait: 10ms\n");
  EXPECT_TRUE(play.verdict.answers.empty());
}

/// A target that refuses what ends before its header does, with the tag that it makes of it.
class RefusesShortFrames : public Mutant {
 public:
  using Mutant::Mutant;
  void arrived(Bytes frame) override {
    if (frame.size() >= header_size) return sides_.to_end(frame);
    std::array<std::uint8_t, frame_size_min> refusal{};
    const std::size_t size =
        encode({.destination = initiator_mac, .source = target_mac, .address = {1, 1}, .tag = 0},
               ErrorReply{.command = 0, .code = ErrorCode::bad_argument}, refusal);
    for (unsigned i = 0; i < times_; ++i) sides_.to_link(Bytes(refusal).first(size));
  }

 protected:
  unsigned times_ = 1;
};

template <class Refuser>
std::unique_ptr<World> world_that(const Scenario& scenario, FaultStage& stage, Parties& parties,
                                  std::uint64_t seed) {
  return std::make_unique<SimWorld>(scenario, stage, parties, seed, [](Mutant::Sides& sides) {
    return std::make_unique<Refuser>(sides);
  });
}

class RefusesShortFramesTwice : public RefusesShortFrames {
 public:
  explicit RefusesShortFramesTwice(Sides& sides) : RefusesShortFrames(sides) { times_ = 2; }
};

constexpr std::string_view short_header =
    "scenario: s\ntitle: t\nroles: {target: {size: 64KiB}, mutant: {end: target, behave: "
    "answers-twice}}\nsteps:\n"
    "- send: {ata: {op: read-ext}, truncate: 20}\n"
    "- expect: {reply: [bad-argument, silence]}\n"
    "- alive: {}\n";

TEST(EveryAnswer, LeavesAloneTheRefusalOfAFrameWithoutAWholeHeader) {
  const Play play(std::string(short_header), world_that<RefusesShortFrames>);
  EXPECT_EQ(play.failures(), "");
  EXPECT_TRUE(play.verdict.answers.empty());
}

TEST(EveryAnswer, ChargesASecondRefusalOfOneFrame) {
  const Play play(std::string(short_header), world_that<RefusesShortFramesTwice>);
  ASSERT_EQ(play.verdict.answers.size(), 1U);
  EXPECT_EQ(play.verdict.answers.front().clause, "2/7");
  EXPECT_NE(play.failures(), "");
}

}  // namespace
}  // namespace aoe::harness
