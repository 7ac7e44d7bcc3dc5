#include "harness/run/timeline.h"

#include <gtest/gtest.h>

#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

using std::chrono::milliseconds;

CaseRecord timeline_of(const Ledger& ledger, const Exchanges& exchanges) {
  CaseRecord record;
  draw_timeline(ledger, exchanges, record);
  return record;
}

CaseRecord timeline_of(const Play& play) {
  return timeline_of(play.ledger, play.parties.first());
}

std::uint32_t most_outstanding(const CaseRecord& timeline) {
  std::uint32_t most = 0;
  for (const Sample& sample : timeline.samples) most = std::max(most, sample.outstanding);
  return most;
}

TEST(Timeline, OutstandingRequestsRiseToTheDepthAndFallToNone) {
  const Play play(
      trial("- io: {id: r, op: read, count: 1, requests: 64, depth: 5}\n"
            "- expect: {io: {id: r}}\n"));
  const CaseRecord timeline = timeline_of(play);
  EXPECT_EQ(most_outstanding(timeline), 5U);
  ASSERT_FALSE(timeline.samples.empty());
  EXPECT_EQ(timeline.samples.back().outstanding, 0U);
  EXPECT_EQ(timeline.samples.back().window, 16U);
  EXPECT_TRUE(std::ranges::is_sorted(timeline.samples, {}, &Sample::at));
  EXPECT_TRUE(timeline.incidents.empty());
  EXPECT_EQ(timeline.struck, 0U);
}

TEST(Timeline, ALostRequestIsOutstandingUntilItsRetransmissionIsAnswered) {
  const Play play(
      trial("- warmup: {reads: 16}\n"
            "- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, nth: 1}\n"
            "- io: {id: r, op: read, lba: 4, count: 1}\n"
            "- expect: {io: {id: r}}\n"));
  const CaseRecord timeline = timeline_of(play);
  ASSERT_EQ(timeline.incidents.size(), 2U);
  const Incident& lost = timeline.incidents[0];
  const Incident& again = timeline.incidents[1];
  EXPECT_EQ(lost.text, "dropped by loss");
  EXPECT_EQ(again.text, "retransmission of #" + std::to_string(lost.frame));
  EXPECT_EQ(again.at - lost.at, milliseconds(100)) << "the least timeout";
  EXPECT_EQ(timeline.struck, 1U);
  const auto since = [&](Duration at) {
    const auto later = std::ranges::upper_bound(timeline.samples, at, {}, &Sample::at);
    return later == timeline.samples.begin() ? Sample{} : *(later - 1);
  };
  EXPECT_EQ(since(lost.at).outstanding, 1U);
  EXPECT_EQ(since(lost.at).rto, milliseconds(100));
  EXPECT_EQ(since(again.at).outstanding, 1U);
  EXPECT_EQ(since(again.at).rto, milliseconds(200)) << "doubled";
  EXPECT_EQ(timeline.samples.back().outstanding, 0U);
}

TEST(Timeline, WhatIsGivenUpIsOutstandingNoLonger) {
  const Play play(
      trial("- arm: {fault: partition, id: cut}\n"
            "- io: {id: r, op: read, lba: 4, count: 1}\n"
            "- expect: {io: {id: r, result: error}}\n"));
  const CaseRecord timeline = timeline_of(play);
  EXPECT_EQ(most_outstanding(timeline), 1U);
  EXPECT_EQ(timeline.samples.back().outstanding, 0U);
}

TEST(Timeline, ALongRunIsThinnedOutAndKeepsItsExtremes) {
  std::string yaml = trial(
      "- arm: {fault: duplicate, id: twice}\n"
      "- io: {id: r, op: mixed, count: 1, requests: 3000, depth: 16}\n"
      "- expect: {io: {id: r}}\n");
  yaml.replace(yaml.find("64KiB"), 5, "8MiB");
  const Play play(yaml);
  const CaseRecord timeline = timeline_of(play);
  EXPECT_LE(timeline.samples.size(), samples_max);
  EXPECT_GT(timeline.samples.size(), samples_max / 8);
  EXPECT_LE(timeline.incidents.size(), incidents_max);
  EXPECT_GT(timeline.incidents.size(), incidents_max / 2 - 1);
  EXPECT_GT(timeline.struck, incidents_max);
  EXPECT_EQ(most_outstanding(timeline), 16U);
}

TEST(Timeline, OfNothingIsEmpty) {
  const Ledger ledger{Instant{}};
  Ledger other{Instant{}};
  const Exchanges exchanges(other, 16);
  EXPECT_TRUE(timeline_of(ledger, exchanges).samples.empty());
}

}  // namespace
}  // namespace aoe::harness
