#include "harness/run/every_answer.h"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

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
std::unique_ptr<World> world_that(const Scenario& scenario, FaultStage& stage, Exchanges& exchanges,
                                  std::uint64_t seed) {
  return std::make_unique<SimWorld>(scenario, stage, exchanges, seed, [](Mutant::Sides& sides) {
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
