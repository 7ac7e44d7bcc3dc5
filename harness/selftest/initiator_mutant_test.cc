#include "harness/selftest/initiator_mutant.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/language/clauses.h"
#include "harness/run/runner.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// All variants of all scenarios about initiators, in one order everywhere.
const std::vector<Scenario>& initiator_suite() {
  static const std::vector<Scenario> all = suite_in("initiator");
  return all;
}

/// What came of it: "passed", or the first failure. Frames' numbers and tags are as must-fail has
/// them.
std::string play(Scenario scenario, std::string_view mutant) {
  if (!mutant.empty()) scenario.mutant = MutantSpec{false, std::string(mutant)};
  Ledger ledger(SimWorld::origin);
  Exchanges exchanges(ledger, scenario.target.buffers, scenario.given.profile,
                      scenario.given.maxout);
  const std::uint64_t seed = scenario.seed.value_or(1);
  FaultStage stage(ledger, exchanges, {}, seed);
  SimWorld world(scenario, stage, exchanges, seed);
  const Verdict verdict = Runner(scenario, world, ledger, exchanges, seed).run();
  if (verdict.outcome == Outcome::passed) return "passed";
  if (verdict.failures.empty()) return "not played: " + verdict.reason;
  const Finding& first = verdict.failures.front();
  return comparable(
      fmt::format("{}: expected {}, got {}", first.rule, first.expected, first.actual));
}

TEST(InitiatorMutant, OurInitiatorPassesEveryScenario) {
  ASSERT_GE(initiator_suite().size(), 60U);
  for (const Scenario& scenario : initiator_suite()) {
    EXPECT_EQ(play(scenario, ""), "passed") << scenario.id;
  }
}

struct Caught {
  const char* mutant;
  const char* scenario;  // the first that catches it, of those that cite its clause
  const char* failure;
};
const Caught all_caught[] = {
    {"thinks-of-sixty-buffers", "buffer-count[buffers=2]",
     "window-respected: expected window-respected: no more requests wait than the target has "
     "buffers, or maxout allows (AoEr11 §3.2), got #n (e1.1 READ EXT lba 988+2 tag t) makes 3 "
     "unanswered requests at e1.1 (02:00:00:00:00:02), 2 may be (and n more)"},
    {"believes-in-a-larger-disk", "disk-shrinks",
     "hits: expected fault beyond strikes 0 frames at most, got it struck 4, #n (e1.1 READ EXT lba "
     "1024+2 tag t) the first too many"},
    {"asks-with-version-0", "request-version",
     "discover: expected e1.1 up within 3s, got it is down"},
    {"asks-with-flag-r", "request-version",
     "discover: expected e1.1 up within 3s, got it is identifying"},
    {"takes-any-tag", "answer-tag[bits=0x00010000]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-any-command", "answer-command[command=2]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-frames-without-flag-r", "answer-without-flag[flags=0]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-answers-of-any-disk", "answer-shelf[shelf=2,slot=1]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"makes-devices-of-wildcards", "announcement-wildcard[shelf=0xffff,slot=1]",
     "hits: expected fault asked strikes 0 frames at most, got it struck 1, #n (e255.1 IDENTIFY "
     "lba 0+1 tag t) the first too many"},
    {"takes-second-answers-for-others", "answer-twice[spread=0s]",
     "io: expected io io completes with right data, got sector 91 holds what belongs to sector 89 "
     "(what it held at first), expected what it held at first"},
    {"takes-any-version", "answer-version[version=0]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-answers-in-order", "answer-late[op=read]",
     "io: expected io io completes with right data, got sector 470 holds what belongs to sector "
     "672 (what it held at first), expected what it held at first"},
    {"takes-short-answers", "answer-truncated[op=read,to=14]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-what-others-are-sent", "answer-destination",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-errors-for-successes", "answer-error[op=read,code=1]",
     "io: expected io io fails with right data, got sector 984 holds zeros, expected what it held "
     "at first"},
    {"asks-for-too-much", "sector-count-beyond-frame[mtu=1500,most=2]",
     "io: expected io io completes, got 8 of 20 requests failed, the first: ATA error: status 41, "
     "error 04"},
    {"cuts-writes-short", "write-data-whole[count=1]",
     "io: expected io io completes, got 20 of 20 requests failed, the first: AoE error: bad "
     "argument parameter"},
    {"ignores-the-status", "answer-status[op=read,status=0xd0]",
     "io: expected io io fails within 2s, got it succeeded"},
    {"fills-up-short-data", "answer-data-short[to=36]",
     "io: expected io io ends with right data, got sector 8 holds zeros, expected what it held at "
     "first"},
    {"asks-with-48-bits-always", "lba28-only",
     "io: expected io io completes, got 100 of 100 requests failed, the first: ATA error: status "
     "41, error 04"},
    {"keeps-flushes-to-itself", "flush-fails",
     "hits: expected fault flushes strikes 1 frames or more, got it struck 0"},
    {"discovers-one-address", "discovery-query",
     "hits: expected fault asked strikes 1 frames or more, got it struck 0"},
    {"sets-counts-in-queries", "discovery-query",
     "hits: expected fault buffers strikes 0 frames at most, got it struck 5, #n (e*.* config read "
     "tag t) the first too many"},
    {"takes-what-a-frame-carries", "sector-count[says=1,mtu=1500,most=1]",
     "hits: expected fault too-large strikes 0 frames at most, got it struck 320, #n (e1.1 WRITE "
     "EXT lba 1888+2 tag t) the first too many"},
};

TEST(InitiatorMutant, EachIsCaughtByAScenarioThatCitesItsClause) {
  std::map<std::string, std::pair<std::string, std::string>> expected;
  for (const Caught& caught : all_caught)
    expected[caught.mutant] = {caught.scenario, caught.failure};
  for (const InitiatorMutant& mutant : initiator_mutants()) {
    std::pair<std::string, std::string> found{"no scenario", ""};
    for (const Scenario& scenario : initiator_suite()) {
      if (!cites(scenario, mutant.clause)) continue;
      const std::string result = play(scenario, mutant.name);
      if (result == "passed") continue;
      found = {scenario.id, result};
      break;
    }
    EXPECT_EQ(found, expected[std::string(mutant.name)]) << mutant.name;
  }
}

TEST(InitiatorMutant, EachMustOfInitiatorsHasOne) {
  std::set<std::string> broken{"2/31"};  // mutant.cc has uses-one-tag
  for (const InitiatorMutant& mutant : initiator_mutants()) broken.emplace(mutant.clause);
  for (const Clause& clause : clause_catalogue().clauses) {
    if (clause.binds != Clause::Binds::initiator || clause.level != Level::must) continue;
    if (!clause.untested.empty()) continue;
    EXPECT_TRUE(broken.contains(clause.id)) << clause.id << ": " << clause.rule;
  }
}

}  // namespace
}  // namespace aoe::harness
