#include "harness/selftest/mutants.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "harness/language/clauses.h"
#include "harness/run/must_fail.h"
#include "harness/run/runner.h"
#include "harness/testing/test_play.h"
#include "harness/testing/test_words.h"

namespace aoe::harness {
namespace {

/// All variants of all scenarios about one end, in one order everywhere.
const std::vector<Scenario>& suite(bool of_targets) {
  static const std::vector<Scenario> target = suite_in("target");
  static const std::vector<Scenario> initiator = suite_in("initiator");
  return of_targets ? target : initiator;
}

std::vector<MutantRow> mutants_of_clauses(bool at_target) {
  std::vector<MutantRow> rows;
  std::ranges::copy_if(mutant_table(), std::back_inserter(rows), [&](const MutantRow& row) {
    return row.breaks_clause() && row.is_at(at_target);
  });
  return rows;
}

Verdict verdict_of(Scenario scenario, bool at_target, std::string_view mutant) {
  if (!mutant.empty())
    scenario.mutant = MutantSpec{at_target ? target_node : initiator_node, std::string(mutant), {}};
  Ledger ledger(SimWorld::origin);
  Parties parties(ledger, scenario);
  const std::uint64_t seed = scenario.seed.value_or(1);
  FaultStage stage(ledger, parties, {}, seed, scenario.network);
  SimWorld world(scenario, stage, parties, seed, mutant_of(scenario));
  return play_scenario(scenario, world, ledger, parties, seed,
                       at_target ? EachAnswer::judged : EachAnswer::unjudged);
}

/// "passed", or the first failure. Numbers of frames and tags are as in must-fail.
std::string result_of(const Verdict& verdict) {
  if (verdict.outcome == Outcome::passed) return "passed";
  if (verdict.failures.empty()) return "not played: " + verdict.reason;
  const Finding& first = verdict.failures.front();
  return comparable(
      fmt::format("{}: expected {}, got {}", first.rule, first.expected, first.actual));
}

std::string play(const Scenario& scenario, bool at_target, std::string_view mutant) {
  return result_of(verdict_of(scenario, at_target, mutant));
}

/// The clauses that answers broke, whatever the scenario is about.
std::string broken_by_answers(const Verdict& verdict) {
  std::string clauses;
  for (const Finding& finding : verdict.answers)
    clauses += (clauses.empty() ? "" : " ") + finding.clause;
  return clauses;
}

TEST(Mutants, OurEndsPassEveryScenario) {
  ASSERT_GE(suite(true).size(), 120U);
  ASSERT_GE(suite(false).size(), 60U);
  for (const bool of_targets : {true, false}) {
    for (const Scenario& scenario : suite(of_targets)) {
      const Verdict verdict = verdict_of(scenario, of_targets, "");
      EXPECT_EQ(result_of(verdict), "passed") << scenario.id;
      if (!of_targets) continue;
      EXPECT_EQ(broken_by_answers(verdict), "") << scenario.id;
    }
  }
}

TEST(Mutants, EachHasANameOfItsOwnAndBreaksSomethingThatIsKnown) {
  const std::set<std::string_view> words{"discover", "io",   "reply",      "retransmit",
                                         "device",   "hits", "outstanding"};
  for (const bool at_target : {true, false}) {
    std::set<std::string_view> names;
    for (const MutantRow& row : mutant_table()) {
      if (!row.is_at(at_target)) continue;
      EXPECT_TRUE(names.insert(row.name).second) << row.name;
      bool is_check = false;
      for (int check = 0; check < check_count; ++check)
        is_check |= text(Check(check)) == row.breaks;
      const auto& clauses = clause_catalogue().clauses;
      const bool is_clause = std::ranges::count(clauses, row.breaks, &Clause::id) > 0;
      EXPECT_TRUE(is_clause || is_check || words.contains(row.breaks)) << row.breaks;
    }
  }
}

TEST(Mutants, AnUnknownOneIsRefusedWhereItStands) {
  const Folder folder;
  const std::string path = folder.path("x.yaml");
  const auto read = [&](const std::string& name) {
    std::ofstream(path) << "scenario: s\ntitle: t\n"
                           "roles: {target: {size: 64KiB}, mutant: {end: target, behave: "
                        << name << "}}\nsteps:\n- discover: {}\n";
    return load_scenarios(path).and_then(with_known_mutants);
  };
  EXPECT_TRUE(read("answers-twice"));
  EXPECT_FALSE(read("never-repeats")) << "that one is for initiators";
  const auto unknown = read("answer-twice");
  ASSERT_FALSE(unknown);
  const std::string& error = unknown.error();
  EXPECT_TRUE(error.starts_with(path + ":3:62: behave: got 'answer-twice'; did you mean "
                                       "'answers-twice'? expected one of answers-to-everybody, "))
      << error;
}

// Targets.

/// An initiator uses all of a target, so a load may fail, or have nothing to judge, for any reason.
bool is_load(const Scenario& scenario) {
  return std::ranges::count(scenario.tags, "load") > 0;
}

/// The proof of the suite: a target that breaks a clause fails each scenario that cites it, in some
/// variant, and no other scenario in any. Some break it only where no scenario looks for it, and are
/// found in all answers.
TEST(TargetMutants, EachFailsTheScenariosThatCiteItsClauseAndNoOthers) {
  std::map<std::string_view, std::set<std::string>> unmoved;  // by clause: scenarios that cite it
  for (const MutantRow& mutant : mutants_of_clauses(true)) {
    auto& names = unmoved[mutant.breaks];
    for (const Scenario& scenario : suite(true)) {
      if (cites(scenario, mutant.breaks)) names.insert(scenario.name);
    }
    EXPECT_FALSE(names.empty()) << mutant.breaks << ": no scenario cites it";
  }
  for (const MutantRow& mutant : mutants_of_clauses(true)) {
    bool found = false;
    for (const Scenario& scenario : suite(true)) {
      if (is_load(scenario) && !cites(scenario, mutant.breaks)) continue;
      const Verdict verdict = verdict_of(scenario, true, mutant.name);
      const std::string result = result_of(verdict);
      found |= std::ranges::count(verdict.answers, mutant.breaks, &Finding::clause) > 0;
      if (cites(scenario, mutant.breaks)) {
        if (result == "passed") continue;
        found = true;
        unmoved[mutant.breaks].erase(scenario.name);
      } else {
        EXPECT_EQ(result, "passed") << scenario.id << " does not cite " << mutant.breaks
                                    << ", which a target breaks that " << mutant.name;
      }
    }
    EXPECT_TRUE(found) << mutant.name << " breaks " << mutant.breaks << ", and nothing finds it";
  }
  for (const auto& [clause, names] : unmoved) {
    EXPECT_TRUE(names.empty()) << "no mutant of " << clause << " fails "
                               << fmt::format("{}", fmt::join(names, ", "));
  }
}

TEST(TargetMutants, EveryClauseThatBindsATargetHasAScenarioAndAMutantOrAReason) {
  std::set<std::string, std::less<>> with_mutant;
  for (const MutantRow& mutant : mutants_of_clauses(true)) with_mutant.emplace(mutant.breaks);
  for (const Clause& clause : clause_catalogue().clauses) {
    if (clause.binds == Clause::Binds::initiator) continue;
    const bool cited = std::ranges::any_of(
        suite(true), [&](const Scenario& scenario) { return cites(scenario, clause.id); });
    EXPECT_NE(cited, !clause.untested.empty()) << clause.id;
    EXPECT_EQ(cited, with_mutant.contains(clause.id)) << clause.id;
  }
}

/// What no scenario that cites the clause asks for is found in the answers of others.
TEST(TargetMutants, WhatIsWrongInAnswersOfAnyScenarioIsChargedToItsClause) {
  const auto in = [](const std::string& name, std::string_view mutant) {
    const auto scenario = std::ranges::find(suite(true), name, &Scenario::name);
    return broken_by_answers(verdict_of(*scenario, true, mutant));
  };
  EXPECT_EQ(in("target-mask-command-unknown", "refuses-as-version-0"), "2/4");
  EXPECT_EQ(in("target-beyond-the-end", "fails-with-flag-e-and-no-error"), "2.4/3");
  EXPECT_EQ(in("target-answer-version", "does-not-pad"), "2/15");
  EXPECT_EQ(in("target-long-load", "mistakes-one-tag-in-500"), "2/7");
  EXPECT_EQ(in("target-check-power-mode", "sets-the-reserved-bytes"), "3.1/21");
  EXPECT_EQ(in("target-read-data", "forgets-drdy"), "3.1/4");
  EXPECT_EQ(in("target-read-data", "leaves-the-count"), "3.1/3");
  EXPECT_EQ(in("target-config-read", "says-config-version-0"), "3.2/13");
}

// Initiators.

struct Caught {
  const char* mutant;
  const char* scenario;  // the first that catches it, of those that cite its clause
  const char* failure;
  const char* follows = "";  // clauses whose scenarios fail as well, or "all"
};
const Caught all_caught[] = {
    {"thinks-of-sixty-buffers", "buffer-count[buffers=2]",
     "window-respected: expected window-respected: no more requests wait than the target has "
     "buffers, or maxout allows (AoEr11 §3.2), got #n (e1.1 READ EXT lba 988+2 tag t) makes 3 "
     "unanswered requests at e1.1 (02:00:00:00:00:02), 2 may be (and n more)",
     "all"},
    {"believes-in-a-larger-disk", "disk-shrinks",
     "hits: expected fault beyond strikes 0 frames at most, got it struck 4, #n (e1.1 READ EXT lba "
     "1024+2 tag t) the first too many",
     "3.1/45"},
    {"asks-with-version-0", "request-version",
     "discover: expected e1.1 up within 3s, got it is down", "all"},
    {"asks-with-flag-r", "request-version",
     "discover: expected e1.1 up within 3s, got it is identifying", "all"},
    {"takes-any-tag", "answer-tag[bits=0x00010000]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s",
     "2/36"},
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
     "672 (what it held at first), expected what it held at first",

     "2/31 3.1/46 3.2/30 3.2/31 profile/closewait profile/deadsecs profile/link profile/mac-change "
     "profile/multipath profile/order profile/restart profile/rexmit-early profile/rexmit-timeout "
     "profile/up-again profile/window"},
    {"takes-short-answers", "answer-truncated[op=read,to=14]",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-what-others-are-sent", "answer-destination",
     "retransmit: expected retransmission of #n (e1.1 READ EXT lba 8+2 tag t) in [0, 20000] ms, "
     "got none after 40s"},
    {"takes-errors-for-successes", "answer-error[op=read,code=1]",
     "io: expected io io fails with right data, got sector 984 holds zeros, expected what it held "
     "at first",
     "2.4/11"},
    {"asks-for-too-much", "sector-count-beyond-frame[mtu=1500,most=2]",
     "io: expected io io completes, got 8 of 20 requests failed, the first: ATA error: status 41, "
     "error 04",
     "all"},
    {"cuts-writes-short", "write-data-whole[count=1]",
     "io: expected io io completes, got 20 of 20 requests failed, the first: AoE error: bad "
     "argument parameter",
     "all"},
    {"ignores-the-status", "answer-status[op=read,status=0xd0]",
     "io: expected io io fails within 2s, got it succeeded", "3.1/47"},
    {"fills-up-short-data", "answer-data-short[to=36]",
     "io: expected io io ends with right data, got sector 8 holds zeros, expected what it held at "
     "first"},
    {"asks-with-48-bits-always", "lba28-only",
     "io: expected io io completes, got 100 of 100 requests failed, the first: ATA error: status "
     "41, error 04"},
    {"keeps-flushes-to-itself", "flush-fails",
     "hits: expected fault flushes strikes 1 frames or more, got it struck 0",
     "2.4/10 2.4/11 2/38 3.1/41 profile/restart"},
    {"discovers-one-address", "discovery-query",
     "hits: expected fault asked strikes 1 frames or more, got it struck 0",
     "profile/discovery-period"},
    {"trims-unasked", "trim-unadvertised",
     "hits: expected fault trims strikes 0 frames at most, got it struck 10, #n (e1.1 DATA SET "
     "MANAGEMENT lba 1106+2 tag t) the first too many",
     "all"},
    {"takes-tags-of-drivers", "tag-bit-31",
     "hits: expected fault of-drivers strikes 0 frames at most, got it struck 803, #n (e*.* config "
     "read tag t) the first too many"},
    {"asks-once", "discovery-lost",
     "device: expected e1.1 up in [0, 10000] ms, got not up after 10s",
     "2/33 2/35 2/39 3.1/41 3.1/45 3.2/31 3.2/35 profile/closewait profile/deadsecs "
     "profile/discovery-period profile/link profile/mtu-change profile/multipath profile/up-again"},
    {"sets-counts-in-queries", "discovery-query",
     "hits: expected fault buffers strikes 0 frames at most, got it struck 20, #n (e*.* config "
     "read tag t) the first too many",
     "all"},
    {"takes-what-a-frame-carries", "sector-count[says=1,mtu=1500,most=1]",
     "hits: expected fault too-large strikes 0 frames at most, got it struck 320, #n (e1.1 WRITE "
     "EXT lba 1888+2 tag t) the first too many",
     "3.2/35"},

};

TEST(InitiatorMutants, EachIsCaughtByAScenarioThatCitesItsClause) {
  std::map<std::string_view, std::pair<std::string, std::string>> expected;
  for (const Caught& caught : all_caught)
    expected[caught.mutant] = {caught.scenario, caught.failure};
  for (const MutantRow& mutant : mutants_of_clauses(false)) {
    std::pair<std::string, std::string> found{"no scenario", ""};
    for (const Scenario& scenario : suite(false)) {
      if (!cites(scenario, mutant.breaks)) continue;
      const std::string result = play(scenario, false, mutant.name);
      if (result == "passed") continue;
      found = {scenario.id, result};
      break;
    }
    EXPECT_EQ(found, expected[mutant.name]) << mutant.name;
  }
}

/// The clauses of the scenarios that fail by a mutant and do not cite its clause; "all" where it
/// keeps an initiator from most of its work.
std::string what_else_fails(const MutantRow& mutant) {
  std::set<std::string> clauses;
  std::string_view last;
  std::size_t failed = 0;
  for (const Scenario& scenario : suite(false)) {
    if (std::exchange(last, scenario.name) == scenario.name) continue;  // one variant of each
    if (cites(scenario, mutant.breaks) || play(scenario, false, mutant.name) == "passed") continue;
    clauses.insert(scenario.clauses.begin(), scenario.clauses.end());
    if (++failed == 25) return "all";
  }
  return fmt::format("{}", fmt::join(clauses, " "));
}

/// A mutant fails no scenario of another rule, but of those that need the rule that it breaks.
TEST(InitiatorMutants, EachFailsNoOtherScenariosButWhatFollows) {
  std::map<std::string_view, std::string> follows;
  for (const Caught& caught : all_caught) follows[caught.mutant] = caught.follows;
  for (const MutantRow& mutant : mutants_of_clauses(false)) {
    EXPECT_EQ(what_else_fails(mutant), follows[mutant.name]) << mutant.name;
  }
}

TEST(InitiatorMutants, EachMustOfInitiatorsHasOne) {
  std::set<std::string, std::less<>> broken{"2/31"};  // by uses-one-tag
  for (const MutantRow& mutant : mutants_of_clauses(false)) broken.emplace(mutant.breaks);
  for (const Clause& clause : clause_catalogue().clauses) {
    if (clause.binds != Clause::Binds::initiator || clause.level != Level::must) continue;
    if (!clause.untested.empty()) continue;
    EXPECT_TRUE(broken.contains(clause.id)) << clause.id << ": " << clause.rule;
  }
}

// Whatever breaks a check of `always` or a word of `expect`.

struct Fault {
  bool at_target;
  const char* mutant;
  const char* finding;  // among those of scenarios/retransmit.yaml
};
class EngineFault : public testing::TestWithParam<Fault> {};

TEST_P(EngineFault, IsFoundOnARoughLink) {
  const auto scenarios = load_scenarios(AOE_SCENARIOS "/retransmit.yaml");
  ASSERT_TRUE(scenarios) << scenarios.error();
  const auto& [at_target, mutant, finding] = GetParam();
  std::string findings;
  for (const Finding& failure : verdict_of(scenarios->front(), at_target, mutant).failures)
    findings += fmt::format("expected {}: {}\n", failure.expected, failure.actual);
  EXPECT_TRUE(std::regex_search(findings, std::regex(finding))) << findings;
}

INSTANTIATE_TEST_SUITE_P(
    Mutants, EngineFault,
    testing::Values(Fault{false, "ignores-the-window", "window-respected: .* 16 may be"},
                    Fault{false, "reuses-tags", "tag-unique-in-flight: .* still unanswered"},
                    Fault{true, "forgets-writes", "data-integrity: .* expected write"},
                    Fault{false, "never-repeats", "retransmission of .* none after"}),
    [](const auto& info) {
      std::string name = info.param.mutant;
      std::ranges::replace(name, '-', '_');
      return name;
    });

/// All that is in scenarios/selftest.
std::vector<Scenario> selftests() {
  std::vector<Scenario> all;
  for (const char* file : {"always", "expect"}) {
    auto scenarios = load_scenarios(fmt::format(AOE_SCENARIOS "/selftest/{}.yaml", file));
    EXPECT_TRUE(scenarios) << scenarios.error();
    if (scenarios) all.insert(all.end(), scenarios->begin(), scenarios->end());
  }
  return all;
}

TEST(Selftest, EveryMutantIsCaughtInTheWordsThatItsScenarioSays) {
  for (const Scenario& scenario : selftests()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Play play(scenario.yaml, Play::make<SimWorld>, seed);
      judge_must_fail(scenario, play.verdict);
      EXPECT_EQ(play.failures(), "") << scenario.id;
    }
  }
}

TEST(Selftest, EveryMutantIsPlayed) {
  std::set<std::string, std::less<>> played;
  for (const Scenario& scenario : selftests()) {
    ASSERT_TRUE(scenario.mutant) << scenario.id;
    EXPECT_NE(scenario.must_fail, "") << scenario.id;
    played.insert(scenario.mutant->behaviour);
  }
  for (const MutantRow& row : mutant_table()) {
    EXPECT_TRUE(row.breaks_clause() || played.contains(row.name)) << row.name;
  }
}

}  // namespace
}  // namespace aoe::harness
